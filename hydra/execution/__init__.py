"""The order path: targets → requests → the engine; the Broker port; reconcile."""
