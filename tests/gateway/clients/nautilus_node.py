"""A live node of NautilusTrader with its adapter for Interactive Brokers; prints JSON.

Run by `test_acceptance_platforms` in an environment of its own: `nautilus_node.py PORT first` and
then `… again`, the same trader started anew, which has to find its position and its order.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from nautilus_trader.adapters.interactive_brokers.common import IB, IB_VENUE, IBContract
from nautilus_trader.adapters.interactive_brokers.config import (
    InteractiveBrokersDataClientConfig,
    InteractiveBrokersExecClientConfig,
    InteractiveBrokersInstrumentProviderConfig,
)
from nautilus_trader.adapters.interactive_brokers.factories import (
    InteractiveBrokersLiveDataClientFactory,
    InteractiveBrokersLiveExecClientFactory,
)
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.config import LiveExecEngineConfig, RoutingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

PATIENCE = timedelta(seconds=45)
STOCK = InstrumentId.from_str("AAPL.NASDAQ")
CURRENCY = InstrumentId.from_str("EUR/USD.IDEALPRO")
HISTORY = BarType.from_str("AAPL.NASDAQ-1-HOUR-LAST-EXTERNAL")
LIVE = BarType.from_str("SPY.ARCA-5-SECOND-LAST-EXTERNAL")


def quarter() -> str:
    """The month of a quarterly future that is not about to expire."""
    soon = datetime.now(UTC) + timedelta(days=20)
    month = -(-soon.month // 3) * 3
    return f"{soon.year}{month:02}"


CONTRACTS = frozenset(
    {
        IBContract(
            secType="STK",
            symbol="AAPL",
            exchange="SMART",
            primaryExchange="NASDAQ",
            currency="USD",
        ),
        IBContract(
            secType="STK", symbol="SPY", exchange="SMART", primaryExchange="ARCA", currency="USD"
        ),
        IBContract(secType="CASH", symbol="EUR", exchange="IDEALPRO", currency="USD"),
        IBContract(
            secType="FUT",
            symbol="ES",
            exchange="CME",
            currency="USD",
            lastTradeDateOrContractMonth=quarter(),
        ),
    }
)


class Trader(Strategy):
    """Asks for data, buys, changes and cancels one limit order and leaves another."""

    def __init__(self, node: TradingNode, is_again: bool) -> None:
        super().__init__()
        self.node = node
        self.is_again = is_again
        self.bars = self.history = 0
        self.quotes: dict = {}
        self.changed = None
        self.is_cancelling = False
        self.events: list = []

    def on_start(self) -> None:
        now = self.clock.utc_now()
        self.clock.set_time_alert("too late", now + PATIENCE)
        self.clock.set_timer("look", timedelta(seconds=0.25))
        if self.is_again:
            return
        self.subscribe_quote_ticks(STOCK)
        self.subscribe_quote_ticks(CURRENCY)
        self.subscribe_bars(LIVE)
        self.request_bars(HISTORY, start=now - timedelta(days=5))
        apple = self.cache.instrument(STOCK)
        terms = {
            "instrument_id": STOCK,
            "order_side": OrderSide.BUY,
            "quantity": apple.make_qty(100),
        }
        self.low, self.higher = apple.make_price(10), apple.make_price(11)
        self.market = self.order_factory.market(**terms)
        self.limit = self.order_factory.limit(price=self.low, **terms)
        self.left = self.order_factory.limit(price=self.low, **terms)
        for one in (self.market, self.limit, self.left):
            self.submit_order(one)

    def on_event(self, event) -> None:
        name = getattr(event, "name", None)
        if name == "look" and not self.is_again:
            self.step()
        if name == "too late" or (name == "look" and self.is_done()):
            self.clock.cancel_timers()
            self.node.stop()
        if name is None:
            self.events.append(type(event).__name__)

    def on_quote_tick(self, tick) -> None:
        self.quotes[str(tick.instrument_id)] = tick.bid_price < tick.ask_price

    def on_bar(self, bar) -> None:
        self.bars += 1

    def on_historical_data(self, data) -> None:
        self.history += 1

    def step(self) -> None:
        """Change the limit order when it rests, and cancel it when it is changed."""
        if self.limit.status_string() != "ACCEPTED" or self.is_cancelling:
            return
        if self.limit.price == self.low:
            self.modify_order(self.limit, price=self.higher)
        else:
            self.changed = str(self.limit.price)
            self.is_cancelling = True
            self.cancel_order(self.limit)

    def is_done(self) -> bool:
        if self.is_again:
            return bool(self.cache.positions_open() and self.cache.orders_open())
        heard = len(self.quotes) == 2 and self.bars and self.history
        return bool(heard and self.limit.is_closed and self.cache.positions_open())

    def told(self) -> dict:
        account = self.cache.account_for_venue(IB_VENUE)
        told = {
            "instruments": {
                one.id.value: [type(one).__name__, str(one.price_increment), str(one.multiplier)]
                for one in self.cache.instruments()
            },
            "account": {str(k): float(v.total) for k, v in account.balances().items()},
            "positions": [
                [one.instrument_id.value, float(one.quantity)]
                for one in self.cache.positions_open()
            ],
            "open": [
                [one.instrument_id.value, float(one.price), one.status_string()]
                for one in self.cache.orders_open()
            ],
            "rejected": [one for one in self.events if "Rejected" in one or "Denied" in one],
        }
        if not self.is_again:
            told |= {
                "quotes": self.quotes,
                "bars": self.bars,
                "history": self.history,
                "changed": self.changed,
                "market": self.market.status_string(),
                "limit": self.limit.status_string(),
            }
        return told


def main(port: int, is_again: bool) -> dict:
    shared = {
        "ibg_host": "127.0.0.1",
        "ibg_port": port,
        "ibg_client_id": 7,
        "instrument_provider": InteractiveBrokersInstrumentProviderConfig(
            load_contracts=CONTRACTS
        ),
    }
    node = TradingNode(
        config=TradingNodeConfig(
            trader_id="HELD-001",
            logging=LoggingConfig(log_level="WARNING"),
            data_clients={
                IB: InteractiveBrokersDataClientConfig(**shared, use_regular_trading_hours=False)
            },
            exec_clients={
                IB: InteractiveBrokersExecClientConfig(
                    **shared, account_id="DU1234567", routing=RoutingConfig(default=True)
                )
            },
            exec_engine=LiveExecEngineConfig(reconciliation_startup_delay_secs=0.0),
            timeout_connection=30.0,
            timeout_disconnection=5.0,
            timeout_post_stop=1.0,
        )
    )
    trader = Trader(node, is_again)
    node.trader.add_strategy(trader)
    node.add_data_client_factory(IB, InteractiveBrokersLiveDataClientFactory)
    node.add_exec_client_factory(IB, InteractiveBrokersLiveExecClientFactory)
    node.build()
    node.portfolio.set_specific_venue(IB_VENUE)
    try:
        node.run()
        return trader.told()
    finally:
        node.dispose()


if __name__ == "__main__":
    heard = main(int(sys.argv[1]), sys.argv[2] == "again")
    sys.stdout.write("\nTOLD " + json.dumps(heard) + "\n")
