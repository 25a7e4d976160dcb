"""Kind: one step of load balancing."""
