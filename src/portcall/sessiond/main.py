"""``portcall session``: takes a session over whose daemon died, where no link does it."""

from __future__ import annotations

import argparse
import os
import sys

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.sessiond import places
from portcall.sessiond.begin import become_daemon, own_account
from portcall.sessiond.run import run_adopted


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="portcall session", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("id", help="the session's id")
    options = parser.parse_args(argv)
    try:
        base = places.prepare(places.base_directory())
    except PortcallError as error:
        print(f"portcall session: {error.detail}", file=sys.stderr)
        return 1
    if options.id not in places.names(base):
        print(f"portcall session: there is no session {options.id} of yours on this host", file=sys.stderr)
        return 1
    if places.held(base, options.id):
        print(f"portcall session: {options.id} has its process", file=sys.stderr)
        return 0
    if os.fork() == 0:
        try:
            become_daemon([])
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            run_adopted(base, options.id, own_account(), Clock(), lambda *_: None)
        finally:
            os._exit(0)
    return 0
