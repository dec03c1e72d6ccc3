"""Adapters of the Broker port: one broker a file."""
