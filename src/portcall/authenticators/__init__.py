"""Kind: ways to find out who a person is."""
