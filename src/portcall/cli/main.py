"""The command ``portcall``: reads the command line, runs one command, and turns errors into a line and an exit code.

Exit codes: 0 done; 1 an error; 2 the command line is wrong; 3 there is no such thing; 4 not logged in or not
permitted; 130 interrupted. ``start --cli`` gives the code of the session's command.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from portcall import __version__
from portcall.cli.command import CONTEXT, Root, server_options
from portcall.cli.output import neutral
from portcall.errors import PortcallError

ERROR, USAGE, NOT_FOUND, NOT_PERMITTED, INTERRUPTED = 1, 2, 3, 4, 130
_BY_STATUS = {401: NOT_PERMITTED, 403: NOT_PERMITTED, 404: NOT_FOUND}
_WHAT_TO_DO = {
    "not-logged-in": "Run: portcall login",
    "login-expired": "Run: portcall login",
    "revision-conflict": "It was changed meanwhile: get it again, or give --force.",
}


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"portcall {__version__}")
        ctx.exit()


@click.command(cls=Root, context_settings=CONTEXT, no_args_is_help=True)
@server_options
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def portcall() -> None:
    """Start, list and open virtual display sessions."""


def run(arguments: list[str]) -> int:
    """The exit code. The one place that turns errors into words on standard error."""
    try:
        code = portcall.main(arguments, prog_name="portcall", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return ERROR
    except PortcallError as error:
        return _refused(error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # nobody reads any more; keep Python from saying so when it flushes at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as error:
        if os.environ.get("PORTCALL_DEBUG"):
            raise
        _say(f"{type(error).__name__}: {error}. This is a fault in Portcall; PORTCALL_DEBUG=1 shows where.")
        return ERROR


def _refused(error: PortcallError) -> int:
    said = [error.detail.strip()]
    steps: Any = error.extra.get("steps")
    if isinstance(steps, list):
        said += [f"  {step}" for step in steps]
    log = error.extra.get("log")
    if isinstance(log, str) and log.strip() and log.strip() not in error.detail:
        said += ["It said:", *(f"  {text}" for text in log.strip().splitlines()[-20:])]
    if todo := _WHAT_TO_DO.get(error.code):
        said[0] = f"{said[0]} {todo}"
    if error.code == "no-server-fits" and error.extra.get("trace"):
        said.append(f"Server by server: portcall explain {error.extra['trace']}")
    if instance := error.extra.get("instance"):
        if len(said) == 1 and "\n" not in said[0]:
            said[0] = f"{said[0]} ({instance})"
        else:
            said.append(f"({instance})")  # not in the middle of what somebody reads
    _say("\n".join(said))
    return _BY_STATUS.get(error.status, ERROR)


def _say(text: str) -> None:
    click.echo(f"portcall: {neutral(text, lines=True)}", err=True)
