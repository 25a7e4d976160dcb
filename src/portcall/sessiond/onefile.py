"""``portcall-session.pyz``: the user side in one file, for places where nothing else of it is installed."""

from __future__ import annotations

import argparse
import importlib
import sys

_COMMANDS = {
    "start": ("portcall.sessiond.start", "main", "start a session on this host"),
    "start-weblink": ("portcall.sessiond.start", "weblink", "start a session that calls its server over the network"),
    "session": ("portcall.sessiond.main", "main", "take over a session whose process died"),
    "link": ("portcall.linkd.main", "main", "run a user's link to a server on this host"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="portcall-session.pyz", description="The part of Portcall that runs as the user.", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["commands, each with a --help of its own:"]
                         + [f"  {name:14} {words}" for name, (_, _, words) in _COMMANDS.items()]),
    )  # fmt: skip
    parser.add_argument("command", choices=list(_COMMANDS), metavar="COMMAND")
    given = sys.argv[1:] if argv is None else argv
    module, function, _ = _COMMANDS[parser.parse_args(given[:1]).command]
    return int(getattr(importlib.import_module(module), function)(given[1:]) or 0)
