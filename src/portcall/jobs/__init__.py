"""What comes up later: launchers with what they are told, the service's own commands, one watcher per scheduler."""
