"""What trading costs: one set of pure functions for backtest, sizing, execution and report."""
