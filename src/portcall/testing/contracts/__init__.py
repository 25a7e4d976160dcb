"""Contract suites: what every implementation of a kind must pass, ours and others'. Subclass, and give the fixture."""
