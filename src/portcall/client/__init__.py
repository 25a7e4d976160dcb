"""Python client of the HTTP API; the command line and other servers use it alone."""
