"""Kind: X servers that a session's programs draw on."""
