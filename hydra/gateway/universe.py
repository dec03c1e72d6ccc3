"""What is listed: the instruments, and which of them a client's contract means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from hydra.gateway.times import EASTERN
from hydra.gateway.values import Contract, PriceIncrement

FUTURES = frozenset({"FUT", "CONTFUT"})
BOTH_FUTURES = "FUT+CONTFUT"  # IB's page on contracts: a future's months and its continuous series
EXPIRED_FOR = timedelta(days=730)  # IB's page on contracts: expired futures are known two years
STOCK_EXCHANGES = "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,ISLAND,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX"


@dataclass(frozen=True, slots=True)
class Model:
    """How an instrument is priced where no history is shipped.

    `price` at the close of `on`; `volatility` and `drift` a year, as fractions; `beta` to the
    common factor of all stocks; `volume` a day; `key` names the random numbers that are its own
    (a future's months share one); `carry` is what a future costs a year above its underlying.
    """

    price: float
    key: int
    on: date = date(2012, 10, 1)
    volatility: float = 0.25
    beta: float = 1.0
    drift: float = 0.05
    volume: int = 5_000_000
    carry: float = 0.0
    cycle: int = 91  # days from one month of a future to the next


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
    isin: str = ""  # the real one; `identifiers.isin_of` makes one where it is empty
    renamed: str = ""  # its symbol from `renamed_on` on
    renamed_on: date | None = None
    tradable: bool = True
    multiplier: Decimal = Decimal(1)  # what one unit stands for
    magnifier: int = 1  # prices are quoted in this fraction of the currency
    lot: int = 100  # displayed sizes are whole lots
    min_size: Decimal = Decimal(1)
    increment: Decimal = Decimal(1)  # sizes of orders are multiples of it
    shortable: int | None = None  # shares that can be lent; None is enough for anybody
    aliases: frozenset[str] = frozenset()  # other symbols that it is known by
    hours: str = "NYSE"  # the market whose sessions it keeps
    listed: date = date(1999, 1, 4)  # its first session
    model: Model | None = None
    expiry: date | None = None  # a future's last trading day
    first_notice: date | None = None  # from then on a holder may be made to take delivery
    month: str = ""  # a future's contract month, 201212
    underlying: int = 0  # conId of what a future is written on
    margin: tuple[Decimal, Decimal] | None = None  # initial and maintenance a contract
    fee: Decimal | None = None  # commission a contract
    steps: tuple[PriceIncrement, ...] = ()  # of its market rule, where they depend on the price
    is_delisted: bool = False  # nobody finds it any more; who holds it still does

    def step(self, price: Decimal) -> Decimal:
        """What an order's `price` (quoted) must be a multiple of; `tick` where no table says."""
        below = [one.increment for one in self.steps if one.lowEdge <= price]
        return below[-1] if below else self.tick

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
        is_american = self.secType == "STK" and self.hours == "NYSE"
        listed = STOCK_EXCHANGES.split(",") if is_american else []
        return frozenset({self.route, self.primary, *listed})

    def contract(self, exchange: str = "") -> Contract:
        """As the gateway writes it, at `exchange` or at its usual route."""
        is_future = self.secType in FUTURES
        # Recorded details of EUR.USD and CLZ3 have none (NautilusTrader's test data, 2022-12).
        has_primary = not is_future and self.secType != "CASH"
        return Contract(
            conId=self.conId,
            symbol=self.symbol,
            secType=self.secType,
            lastTradeDateOrContractMonth=f"{self.expiry:%Y%m%d}" if self.expiry else "",
            multiplier=f"{self.multiplier.normalize():f}" if is_future else "",
            exchange=exchange or self.route,
            primaryExchange=self.primary if has_primary else "",
            currency=self.currency,
            localSymbol=self.local,
            tradingClass=self.trading_class or self.symbol,
        )

    def held(self) -> Contract:
        """As positions and executions name it: at its listing exchange, strike and right empty."""
        return replace(self.contract(self.primary), right="0" if self.secType in FUTURES else "")


@dataclass(frozen=True, slots=True)
class Action:
    """A dividend (`amount` a share, in its currency) or a split (`ratio` new for one old).

    It takes effect at the open of `day`. A dividend with a `pay_day` after it is accrued until the
    open of that day, and then paid.
    """

    con_id: int
    day: date
    amount: Decimal = Decimal(0)
    ratio: Decimal = Decimal(1)
    pay_day: date | None = None


@dataclass(frozen=True, slots=True)
class Renaming:
    """Another symbol from the open of `day` on, and another number where `new_con_id` is one."""

    con_id: int
    day: date
    symbol: str
    new_con_id: int = 0


@dataclass(frozen=True, slots=True)
class Delisting:
    """Trading ends before the open of `day`; holders get `cash` a share, if any is told."""

    con_id: int
    day: date
    cash: Decimal | None = None


ListingChange = Renaming | Delisting


@dataclass(frozen=True)
class Universe:
    """All instruments, found by number or by what a client knows of them.

    `rules` are the price steps by market rule, `actions` dividends and splits, `changes` what
    becomes of listings.
    """

    instruments: tuple[Instrument, ...]
    rules: Mapping[int, tuple[PriceIncrement, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    changes: tuple[ListingChange, ...] = ()
    _by_id: dict[int, Instrument] = field(init=False, repr=False, compare=False)
    _by_name: dict[str, list[Instrument]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stepped = tuple(_stepped(one, self.rules) for one in self.instruments)
        object.__setattr__(self, "instruments", stepped)
        object.__setattr__(self, "_by_id", {i.conId: i for i in self.instruments})
        by_name: dict[str, list[Instrument]] = {}
        for one in self.instruments:
            for name in {one.symbol, one.local, *one.aliases}:
                by_name.setdefault(name, []).append(one)
        object.__setattr__(self, "_by_name", by_name)

    def renamed_by(self, day: date) -> list[Instrument]:
        """What has another symbol by `day` than it is listed under here, as it is then."""
        return [
            replace(one, symbol=one.renamed, renamed="", renamed_on=None)
            for one in self.instruments
            if one.renamed_on is not None and one.renamed_on <= day
        ]

    def relisted(self, changed: Iterable[Instrument]) -> Universe:
        """The universe with what has changed in the place of what had the same number."""
        new = {one.conId: one for one in changed}
        listed = tuple(new.get(one.conId, one) for one in self.instruments)
        return Universe(listed, self.rules, self.actions, self.changes)

    def get(self, con_id: int) -> Instrument | None:
        """The instrument with this number."""
        return self._by_id.get(con_id)

    def named(self, name: str) -> list[Instrument]:
        """The instruments with this symbol, local symbol or alias."""
        return self._by_name.get(name, [])

    def find(
        self, wanted: Contract, today: date | None = None, include_expired: bool = False
    ) -> list[Instrument]:
        """All instruments that `wanted` can mean; its empty fields say nothing.

        Futures that are not listed `today` (too far off, or expired unless `include_expired`, and
        then two years ago at most) are found by their number only; a CONTFUT is the front month,
        for data alone, and FUT+CONTFUT means the months and then the front month.
        """
        if wanted.conId > 0:
            known = self.get(wanted.conId)
            if known and known.secType == "FUT" and wanted.secType == "CONTFUT":
                known = _continuous(known)  # it has its front month's number
            is_there = known is not None and not known.is_delisted
            return [known] if known and is_there and _at_exchange(known, wanted) else []
        name = wanted.symbol or wanted.localSymbol
        if wanted.secType == BOTH_FUTURES:
            months = self.find(replace(wanted, secType="FUT"), today, include_expired)
            return months + self.find(replace(wanted, secType="CONTFUT"), today)
        if wanted.secType == "CONTFUT":
            months = self.find(replace(wanted, secType="FUT"), today)
            return [_front(months)] if months else []
        fitting = [one for one in self.named(name) if _fits(one, wanted)]
        return [one for one in fitting if _is_listed(one, wanted, today, include_expired)]

    def search(self, pattern: str) -> list[Instrument]:
        """Instruments whose symbol begins with `pattern` or whose name has a word that does."""
        start = pattern.strip().upper()
        listed = (one for one in self.instruments if not one.is_delisted)
        spot = (one for one in listed if one.secType not in FUTURES)
        return [one for one in spot if start and _begins(one, start)]


def _stepped(one: Instrument, rules: Mapping[int, tuple[PriceIncrement, ...]]) -> Instrument:
    """With the steps of its market rule, if that has several and ends in the instrument's own."""
    steps = rules.get(one.market_rule, ())
    if len(steps) < 2 or steps[-1].increment != one.tick or one.steps == steps:
        return one
    return replace(one, steps=steps)


def _front(months: list[Instrument]) -> Instrument:
    return _continuous(min(months, key=lambda one: one.expiry or date.max))


def _continuous(month: Instrument) -> Instrument:
    return replace(month, secType="CONTFUT", tradable=False)


def _is_listed(
    one: Instrument, wanted: Contract, today: date | None, include_expired: bool
) -> bool:
    if one.is_delisted:
        return False
    if one.expiry is None or today is None:
        return True
    known_until = one.expiry + EXPIRED_FOR if include_expired else one.expiry
    return today <= known_until and one.listed <= today


def _begins(one: Instrument, start: str) -> bool:
    words: Iterable[str] = (one.symbol, one.local, *one.aliases, *one.long_name.upper().split())
    return any(word.startswith(start) for word in words)


def _at_exchange(one: Instrument, wanted: Contract) -> bool:
    return not wanted.exchange or wanted.exchange in one.exchanges


def _fits(one: Instrument, wanted: Contract) -> bool:
    primary = {"": one.primary, "ISLAND": "NASDAQ"}.get(
        wanted.primaryExchange, wanted.primaryExchange
    )
    symbol = one.symbol if wanted.symbol in one.aliases else wanted.symbol
    pairs = (
        (symbol, one.symbol),
        (wanted.localSymbol, one.local),
        (wanted.secType, one.secType),
        (wanted.currency, one.currency),
        (wanted.tradingClass, one.trading_class or one.symbol),
        (primary, one.primary),
    )
    is_same = all(not ask or ask == own for ask, own in pairs)
    return is_same and _at_exchange(one, wanted) and _fits_month(one, wanted)


def _fits_month(one: Instrument, wanted: Contract) -> bool:
    """A month (201212) or a last trading day (20121221), and a multiplier, if any is named."""
    when, times = wanted.lastTradeDateOrContractMonth, wanted.multiplier
    own = f"{one.expiry:%Y%m%d}" if one.expiry else ""
    is_month = not when or when in {one.month, own}
    return is_month and (not times or times == f"{one.multiplier.normalize():f}")
