"""What things are: frozen dataclasses and tables, no I/O."""
