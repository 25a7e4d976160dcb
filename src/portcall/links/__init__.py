"""Kind: ways to get a link running as a user."""
