"""lumibot's broker, which brings a client of its own; prints what it heard as JSON.

Run by `test_acceptance_platforms` in an environment of its own: `lumibot_broker.py PORT`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback

from lumibot.brokers import InteractiveBrokers
from lumibot.entities import Asset, Order

PATIENCE_S = 20
STOCK, DOLLAR = Asset("AAPL"), Asset("USD", Asset.AssetType.FOREX)


def wait(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def order(**terms):
    return Order("held", STOCK, quantity=100, quote=DOLLAR, **terms)


def resting(broker):
    return [
        [one.orderType, float(one.auxPrice), one.orderState.status]
        for one in broker.ib.get_open_orders()
    ]


def fill(broker):
    bought = broker.submit_order(order(side="buy", order_type="market"))
    wait(bought.is_filled)
    return [float(bought.quantity), float(bought.get_fill_price())]


def stop(broker):
    """A stop that rests and is cancelled: what rested, and what the broker calls it then."""
    sold = broker.submit_order(order(side="sell", order_type="stop", stop_price=5.0))
    wait(lambda: broker.get_tracked_order(sold.identifier) and resting(broker))
    rested = resting(broker)
    broker.cancel_order(sold)
    wait(sold.is_canceled)
    return [rested, sold.status, resting(broker)]


def main(port):
    broker = InteractiveBrokers({"IP": "127.0.0.1", "SOCKET_PORT": port, "CLIENT_ID": 5})
    wait(lambda: hasattr(broker.ib, "nextValidOrderId"))
    return {
        "version": broker.ib.serverVersion(),
        "balances": broker._get_balances_at_broker(DOLLAR, None),
        "price": broker.data_source.get_last_price(STOCK),
        "fill": fill(broker),
        "stop": stop(broker),
        "positions": [
            [one["symbol"], float(one["position"])] for one in broker._pull_broker_positions()
        ],
    }


if __name__ == "__main__":
    code = 1
    try:
        sys.stdout.write("\nTOLD " + json.dumps(main(int(sys.argv[1]))))
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)  # the broker's own threads would keep the process alive
