"""Sessions as the server knows them: found out about, reported, controlled, connected to."""
