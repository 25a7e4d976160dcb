"""portcall completion."""

from __future__ import annotations

import click

from portcall.cli import output
from portcall.cli.command import command


@command("completion", examples=[
    ("eval \"$(portcall completion bash)\"", "for this shell; in ~/.bashrc for every one"),
    ("portcall completion zsh > ~/.zfunc/_portcall", "for zsh, in a directory of $fpath"),
])  # fmt: skip
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and sessions."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is not None:
        output.line(kind(root, {}, "portcall", "_PORTCALL_COMPLETE").source())
