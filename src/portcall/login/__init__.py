"""Logins: who a person is, what they may do, and the link that acts for them."""
