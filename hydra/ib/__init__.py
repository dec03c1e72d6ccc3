"""All that touches ib_async: the connection, contracts translated once, error codes, history."""
