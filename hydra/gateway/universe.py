"""What is listed: the instruments, and which of them a client's contract means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hydra.gateway.times import EASTERN
from hydra.gateway.values import Contract

STOCK_EXCHANGES = "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,ISLAND,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed thing; `route` is the exchange that orders name, `minTick` the price step."""

    conId: int  # noqa: N815 — Interactive Brokers' own name
    symbol: str
    secType: str  # noqa: N815 — Interactive Brokers' own name
    primary: str
    long_name: str
    tick: Decimal = Decimal("0.01")
    route: str = "SMART"
    currency: str = "USD"
    local_symbol: str = ""
    trading_class: str = ""
    zone: str = EASTERN
    market_rule: int = 26
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    tradable: bool = True
    multiplier: Decimal = Decimal(1)  # what one unit stands for
    magnifier: int = 1  # prices are quoted in this fraction of the currency
    lot: int = 100  # displayed sizes are whole lots
    min_size: Decimal = Decimal(1)
    shortable: int | None = None  # shares that can be lent; None is enough for anybody

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What `quantity` (any sign) is worth at the quoted `price`, in its currency."""
        return quantity * price * self.multiplier / self.magnifier

    @property
    def local(self) -> str:
        """The local symbol."""
        return self.local_symbol or self.symbol

    @property
    def exchanges(self) -> frozenset[str]:
        """The exchanges under which clients may ask for it."""
        listed = STOCK_EXCHANGES.split(",") if self.secType == "STK" else []
        return frozenset({self.route, self.primary, *listed})

    def contract(self, exchange: str = "") -> Contract:
        """As the gateway writes it, at `exchange` or at its usual route."""
        return Contract(
            conId=self.conId,
            symbol=self.symbol,
            secType=self.secType,
            exchange=exchange or self.route,
            primaryExchange=self.primary,
            currency=self.currency,
            localSymbol=self.local,
            tradingClass=self.trading_class or self.symbol,
        )

    def held(self) -> Contract:
        """As positions and executions name it: at its listing exchange, strike and right empty."""
        return replace(self.contract(self.primary), right="0" if self.secType == "FUT" else "")


@dataclass(frozen=True)
class Universe:
    """All instruments, found by number or by what a client knows of them."""

    instruments: tuple[Instrument, ...]
    _by_id: dict[int, Instrument] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {i.conId: i for i in self.instruments})

    def get(self, con_id: int) -> Instrument | None:
        """The instrument with this number."""
        return self._by_id.get(con_id)

    def find(self, wanted: Contract) -> list[Instrument]:
        """All instruments that `wanted` can mean; its empty fields say nothing."""
        if wanted.conId > 0:
            known = self.get(wanted.conId)
            return [known] if known and _at_exchange(known, wanted) else []
        if not (wanted.symbol or wanted.localSymbol):
            return []
        return [one for one in self.instruments if _fits(one, wanted)]

    def search(self, pattern: str) -> list[Instrument]:
        """Instruments whose symbol begins with `pattern` or whose name has a word that does."""
        start = pattern.strip().upper()
        return [one for one in self.instruments if start and _begins(one, start)]


def _begins(one: Instrument, start: str) -> bool:
    words: Iterable[str] = (one.symbol, one.local, *one.long_name.upper().split())
    return any(word.startswith(start) for word in words)


def _at_exchange(one: Instrument, wanted: Contract) -> bool:
    return not wanted.exchange or wanted.exchange in one.exchanges


def _fits(one: Instrument, wanted: Contract) -> bool:
    primary = {"": one.primary, "ISLAND": "NASDAQ"}.get(
        wanted.primaryExchange, wanted.primaryExchange
    )
    pairs = (
        (wanted.symbol, one.symbol),
        (wanted.localSymbol, one.local),
        (wanted.secType, one.secType),
        (wanted.currency, one.currency),
        (wanted.tradingClass, one.trading_class or one.symbol),
        (primary, one.primary),
    )
    return _at_exchange(one, wanted) and all(not ask or ask == own for ask, own in pairs)


def _stock(con_id: int, symbol: str, primary: str, name: str, trade: str = "NMS") -> Instrument:
    return Instrument(
        con_id,
        symbol,
        "STK",
        primary,
        name,
        trading_class=trade,
        industry="Technology",
        category="Computers",
        subcategory="Computers",
    )


def shipped_universe() -> Universe:
    """The instruments of the shipped history."""
    return Universe(
        (
            _stock(265598, "AAPL", "NASDAQ", "APPLE INC"),
            _stock(208813720, "GOOG", "NASDAQ", "ALPHABET INC-CL C"),
            _stock(8314, "IBM", "NYSE", "INTL BUSINESS MACHINES CORP", "IBM"),
            _stock(272093, "MSFT", "NASDAQ", "MICROSOFT CORP"),
            _stock(107113386, "FB", "NASDAQ", "META PLATFORMS INC-CLASS A"),
            Instrument(
                416904, "SPX", "IND", "CBOE", "S&P 500 Stock Index", route="CBOE", tradable=False
            ),
            Instrument(
                15547841,
                "COMP",
                "IND",
                "NASDAQ",
                "NASDAQ Composite Index",
                route="NASDAQ",
                tradable=False,
            ),
            Instrument(
                12087792,
                "EUR",
                "CASH",
                "IDEALPRO",
                "European Monetary Union Euro",
                tick=Decimal("0.00005"),
                route="IDEALPRO",
                local_symbol="EUR.USD",
                trading_class="EUR.USD",
                market_rule=239,
            ),
        )
    )
