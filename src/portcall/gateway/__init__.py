"""The way of display bytes between a viewer and a session."""
