"""Entry of the command ``portcall``; what a command needs is imported by that command."""

from __future__ import annotations

import sys


def main() -> None:
    from portcall.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
