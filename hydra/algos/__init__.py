"""How an order is worked: one algorithm a file, each on a desk that leaves nothing behind."""
