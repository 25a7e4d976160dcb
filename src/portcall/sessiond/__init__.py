"""The session daemon: one session's display, command and end."""
