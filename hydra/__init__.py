"""HYDRA: research trading strategies in notebooks and paper-trade them on Interactive Brokers."""

__version__ = "0.1.0"
