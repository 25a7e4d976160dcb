"""portcall completion."""

from __future__ import annotations

import click

from portcall.cli import output
from portcall.cli.command import command

# The file in $fpath is a function that completes when it is first called and only registers itself the second time
# (pallets/click): so what completes is registered before.
_CALLED = '    _portcall_completion "$@"\n'
_CALLED_AGAIN = f"    compdef _portcall_completion portcall\n{_CALLED}"


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
        output.line(kind(root, {}, "portcall", "_PORTCALL_COMPLETE").source().replace(_CALLED, _CALLED_AGAIN))
