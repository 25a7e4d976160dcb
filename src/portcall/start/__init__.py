"""A start, from what the user asked to a running session."""
