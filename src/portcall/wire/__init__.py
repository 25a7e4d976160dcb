"""What server, link and session processes say to one another: sans-I/O."""
