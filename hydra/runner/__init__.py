"""Notebook runs through papermill, their records, and the simulated gateway beside them."""
