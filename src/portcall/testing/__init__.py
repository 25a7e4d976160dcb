"""Fakes named for their failure, a virtual clock, contract suites."""
