"""The same sessions through the gateway and through the backtest, and the bridge between them."""
