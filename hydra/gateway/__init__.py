"""A simulated IB Gateway that speaks the TWS wire protocol; imports nothing else of hydra."""
