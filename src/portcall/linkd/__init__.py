"""The link: a user's process that starts and adopts the user's sessions."""
