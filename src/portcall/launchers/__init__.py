"""Kind: ways to bring a session up once a server has been chosen."""
