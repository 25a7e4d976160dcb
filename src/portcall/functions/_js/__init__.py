"""The JavaScript engine's parts: sandboxed worker processes and what is known of a source before it runs."""
