"""Portcall creates, schedules, balances and connects people to virtual display sessions."""

__version__ = "0.1.0"
