"""portcall start: what is asked comes from options, a JSON document and a pipe; a server or this host does it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets as random_text
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import click

from portcall.cli import output
from portcall.cli.ask import answers
from portcall.cli.change import pair
from portcall.cli.command import command, local_option, server_options
from portcall.cli.complete import bookmarks, profiles
from portcall.cli.given import read_json
from portcall.cli.reach import Reach, current
from portcall.errors import InvalidValue, PortcallError, ServerUnreachable
from portcall.model import codec, lifecycle
from portcall.model.start import StartRequest, check

if TYPE_CHECKING:
    from portcall.client.api import Client

_TEXTS = ("command", "geometry", "name", "id", "profile", "keyboardLayout", "userdata", "userid", "bookmarkId", "key")


@command("start", examples=[
    ("portcall start xterm -ls", "a terminal on a desktop of the usual size"),
    ("portcall start --command startxfce4 --geometry 1920x1080 --name 'Wing, run 12'", "a named desktop"),
    ("portcall start --geometry rootless --param project=wing xclock", "one program without a desktop"),
    ("portcall start --bookmark matlab --param minRam=4", "a prepared start, with an answer to its form"),
    ("portcall start --cli --command 'make plots'", "wait for it; output and exit code come through"),
    ("portcall start --json '{\"command\": \"xterm\", \"name\": \"a terminal\"}'", "all parameters in one object"),
], no_args_is_help=True, context_settings={"allow_interspersed_args": False})  # fmt: skip
@click.argument("words", metavar="[COMMAND [ARGUMENT...]]", nargs=-1, type=click.UNPROCESSED)
@click.option("--command", metavar="COMMAND", help="What runs in the session, as a shell command line.")
@click.option("--geometry", metavar="WxH|rootless", help="The desktop's size; rootless: no desktop, windows alone.")
@click.option("--name", help="The session's name; the same as --param name=NAME.")
@click.option("--param", "params", metavar="KEY=VALUE", multiple=True, help="A param of the session; may be repeated.")
@click.option("--profile", metavar="NAME", shell_complete=profiles,
              help="The profile: limits and looks; portcall profiles lists those for you.")  # fmt: skip
@click.option(
    "--keyboardLayout",
    "--keyboard-layout",
    "keyboardLayout",
    metavar="LAYOUT",
    help="The keyboard layout, such as us, de or us-intl.",
)
@click.option("--id", help="The session's id, instead of a random one.")
@click.option("--bookmark", "bookmarkId", metavar="ID", shell_complete=bookmarks,
              help="Start this bookmark; portcall bookmarks lists them. It has its own command.")  # fmt: skip
@click.option("--key", help="Starts with the same key are the same session.")
@click.option("--userdata", help="Sets the param userdata.")
@click.option("--userid", help="Kept for scripts that give it.")
@click.option("--env", metavar="FD", help="Read a JSON object from this descriptor; its member args holds parameters.")
@click.option(
    "--json", "document", metavar="FILE|FD|{…}", help="Read parameters from a JSON object; 0 is standard input."
)
@click.option(
    "--config_path",
    "--config-path",
    "config_path",
    metavar="DIR",
    help="The configuration directory, where there are several installations (direct starts).",
)
@click.option(
    "--cli", is_flag=True, help="Stay until the session ends; output and exit code of the command come through."
)
@click.option("--wait", is_flag=True, help="Where it is scheduled: wait until it runs, and print it then.")
@click.option("--connect", "then", is_flag=True, help="Open the session in a viewer once it runs.")
@local_option
@server_options
def start(words: tuple[str, ...], params: tuple[str, ...], env: str | None, document: str | None,
          config_path: str | None, cli: bool, wait: bool, then: bool, **texts: str | None) -> int:  # fmt: skip
    """Start a session: a display with a command in it.

    Prints the session as JSON. With a server the start goes through it; without one it is made on this host directly,
    as with --local and --cli. One that goes to a queue is pending and runs later: what its scheduler said goes to
    standard error, and --wait waits until it runs.
    """
    reach = current()
    if words and texts["command"]:
        raise click.UsageError("Give the command once: as --command or as words.")
    given: dict[str, Any] = {name: value for name, value in texts.items() if value is not None}
    if words:
        given["command"] = words[0] if len(words) == 1 else shlex.join(words)
    secrets = read_json(env, "--env") if env else {}
    merged = merge(read_json(document, "--json") if document else {}, secrets.pop("args", {}), given, params)
    if cli or reach.local or merged.get("cli") is True:
        if then:
            raise click.UsageError("--connect needs a server: it does not go with --cli or --local.")
        return direct({**merged, "cli": cli or merged.get("cli") is True}, secrets, config_path)
    if then:
        from portcall.cli.connect import viewer_command

        viewer_command("")  # says now what would be missing then
    try:
        session = through_server(reach, request(merged), then)
    except ServerUnreachable as error:
        address = reach.client().address
        if address.given or then or not error.extra.get("refused") or not address.on_this_host:
            raise
        if sys.stderr.isatty():
            click.echo("portcall: no server runs here; starting on this host directly", err=True)
        return direct(merged, secrets, config_path)
    session, waits = scheduled(session)
    if waits and (wait or then):
        from portcall.cli.queue import follow

        with reach.client() as client:
            session = codec.to_document(follow(client, session["id"]))
    elif waits:
        where = output.neutral(session.get("launcher") or "its launcher")
        click.echo(f"portcall: {where} has it, and it does not run yet; see: portcall info {session['id']}", err=True)
    output.document(session)
    if then:
        from portcall.cli.connect import open_viewer

        return open_viewer(reach.client(), session["id"], "", False)
    return 0


def scheduled(answer: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The session of an answer, and whether it still waits; what a scheduler said of it goes to standard error."""
    if "text" not in answer:
        return answer, False
    session: dict[str, Any] = answer["result"]
    if said := answer["text"].strip("\n"):
        click.echo(output.neutral(said, lines=True), err=True)
    return session, session["state"] == lifecycle.PENDING


def merge(document: dict[str, Any], arguments: Any, given: dict[str, Any], params: tuple[str, ...]) -> dict[str, Any]:
    """One object of all parameters: the document, over it ``args`` of the pipe, over it the options."""
    if not isinstance(arguments, dict):
        raise InvalidValue("--env: the member args must be an object")
    together: dict[str, Any] = {}
    for source in (document.get("params"), arguments.get("params")):
        if source is not None and not isinstance(source, dict):
            raise InvalidValue("params must be an object", field="params")
        together.update(source or {})
    together.update(pair(text) for text in params)
    merged = {**document, **arguments, **given, "params": together}
    # --name is a shortcut for the param of that name (the start guide)
    named = together.pop("name", "")
    merged["name"] = merged.get("name") or str(named)
    return merged


def request(merged: dict[str, Any]) -> StartRequest:
    """What a server is asked; InvalidValue for the first member that cannot be right."""
    known = {name: merged[name] for name in (*_TEXTS, "params") if merged.get(name) is not None}
    if not merged.get("signature"):  # what a server has handed to a launcher was chosen already
        known["launcher"] = merged.get("launcher") or ""
        known["launcherOptions"] = merged.get("launcherOptions") or merged.get("options") or {}
    asked = codec.from_document(StartRequest, {"command": "", **known})
    # a bookmark has its own command
    check(replace(asked, command=asked.command or "bookmark") if asked.bookmark_id else asked)
    return replace(asked, keyboard_layout=merged.get("keyboardLayout") or "") if asked.bookmark_id else asked


def through_server(reach: Reach, asked: StartRequest, connect: bool) -> dict[str, Any]:
    """The session's document once it runs, after whatever the server wants to know was asked; ``text`` of a job."""
    with reach.client() as client:
        asked, answer = _through_forms(client, asked)
        while "stage" in answer:
            if answer["stage"] == "scheduled":
                return answer
            if answer["stage"] == "auth":
                attempt = str(answer["attempt"])
                try:
                    replies = answers(answer)
                except BaseException:
                    with contextlib.suppress(PortcallError):
                        client.give_up_start(attempt)
                    raise
                answer = client.answer_start(attempt, replies)
            else:
                raise PortcallError(f"The server asks for {answer['stage']!r}, which this version does not know.")
        result: dict[str, Any] = answer["result"]
        return result


def _through_forms(client: Client, asked: StartRequest) -> tuple[StartRequest, dict[str, Any]]:
    """The first answer that is no form. All requests are one start: they have the same key.

    An answer that the server cannot read is asked for again. A notice is shown once.
    """
    from portcall.cli.ask import person
    from portcall.cli.forms import fill, inputs_of

    asked = replace(asked, key=asked.key or random_text.token_hex(16), notices=True)
    form: dict[str, Any] = {}
    while True:
        try:
            answer = client.start(asked)
        except InvalidValue as error:
            wrong = str(error.extra.get("field") or "")
            if not person() or wrong not in [one.get("name") for one in form.get("inputs", [])]:
                raise
            click.echo(f"  {output.neutral(error.detail)}", err=True)
            answers_ = fill(form, asked.params, wrong)
        else:
            if answer.get("stage") != "form":
                return asked, answer
            form, shown = answer["form"], str(answer["form"].get("id", ""))
            if shown in asked.answered and not inputs_of(form):
                raise PortcallError(
                    f"The server shows {output.neutral(form.get('name') or shown)!r} again, without end."
                )
            answers_ = fill(form, asked.params)
            asked = replace(asked, answered=[*asked.answered, shown])
        asked = replace(asked, params={**asked.params, **answers_})


def direct(merged: dict[str, Any], secrets: dict[str, Any], config_path: str | None) -> NoReturn:
    """Become the user side's start, which asks no server. Everything goes through pipes: nothing shows in ``ps``.

    A fresh interpreter without ours in it: what stays behind for the session is small.
    """
    if merged.get("bookmarkId") and not merged.get("command"):
        raise InvalidValue(
            "A bookmark is known to a server only: it cannot be started without one.", field="bookmarkId"
        )
    places = importlib.util.find_spec("portcall")
    source = os.path.dirname((places.submodule_search_locations or [""])[0]) if places else ""
    program = f"import sys; sys.path.insert(0, {source!r}); from portcall.sessiond.start import main; sys.exit(main())"
    argv = [sys.executable, "-ISE", "-c", program, "--json", str(_pipe(merged))]
    if secrets:
        argv += ["--env", str(_pipe(secrets))]
    if config_path:
        argv += ["--config_path", config_path]
    sys.stdout.flush()
    os.execv(sys.executable, argv)


def _pipe(document: dict[str, Any]) -> int:
    """A descriptor, of any size, that the next program reads the document from."""
    descriptor = os.memfd_create("portcall-start", 0)
    os.write(descriptor, json.dumps({name: value for name, value in document.items() if value is not None}).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
