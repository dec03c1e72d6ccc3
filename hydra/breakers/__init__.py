"""Circuit breakers: how trading goes, one limit a file; what trips is held for sessions."""
