"""Measurements against peers: each module with a main is one command that sets itself up and writes a table."""
