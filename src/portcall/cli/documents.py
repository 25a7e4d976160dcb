"""portcall bookmarks, forms, functions, chains, profiles, static-data, permissions: what administrators write."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from portcall.cli import output
from portcall.cli.command import Group, group, json_option, server_options
from portcall.cli.reach import Reach, current
from portcall.errors import InUse, InvalidValue, NotFound, PortcallError

F = TypeVar("F", bound=Callable[..., Any])
_OURS = ("revision", "fixed")  # what the server adds to a document


@dataclass(frozen=True)
class Kind:
    """``key`` names a document; ``text``: the member that a file of ``suffix`` holds alone, beside JSON documents.

    ``new``: what must be said of a new one beside such a file.
    """

    name: str
    one: str
    columns: tuple[str, ...]
    example: str
    help: str
    key: str = "id"
    text: str = ""
    suffix: str = ""
    new: str = ""

    @property
    def words(self) -> tuple[str, str]:
        """The command and a document's name, for examples."""
        return f"portcall {self.name}", self.example.partition(".")[0]


KINDS = (
    Kind("bookmarks", "bookmark", ("id", "name", "command", "geometry", "profile", "forms", "groups", "fixed"),
         "matlab.json", "List and write bookmarks: starts that administrators prepared."),
    Kind("forms", "form", ("id", "name", "description", "fixed"), "project.html",
         "List and write forms: what people are asked before a start.", text="html", suffix=".html"),
    Kind("functions", "function", ("id", "kind", "name", "engine", "enabled", "position", "fixed"), "gpu.js",
         "List and write administrators' functions.", text="source", suffix=".js", new=" --set kind=start-balance"),
    Kind("chains", "chain", ("id", "steps", "prefilter", "fixed"), "start.json",
         "List and write the chains of load balancing: login and start."),
    Kind("profiles", "profile", ("name", "description", "geometry", "maximumGeometry", "groups", "hidden", "fixed"),
         "kiosk.json",
         "List and write profiles: limits and looks of sessions.", key="name"),
    Kind("static-data", "static data", ("id", "data", "fixed"), "node7.json",
         "List and write static data: what administrators say about a server.", text="data"),
)  # fmt: skip


def _group(kind: Kind) -> Group:
    """ls, get, put, rm and versions; the kind without any of them is ls."""
    whole, name = kind.words

    @group(kind.name, examples=[
        (whole, "list them"),
        (f"{whole} get {name}", "one as JSON"),
        (f"{whole} put {kind.example}{kind.new}", "write one"),
    ], invoke_without_command=True, help=kind.help)  # fmt: skip
    @server_options
    @click.pass_context
    def made(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            show(kind, current().client().documents(kind.name))

    _reading(kind, made)
    _writing(kind, made)
    return made


def _which(kind: Kind) -> Callable[[F], F]:
    """The argument ID."""

    def ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        try:
            found = (ctx.find_object(Reach) or Reach()).client().documents(kind.name, everything=True)
        except PortcallError:
            return []
        return [str(one[kind.key]) for one in found if str(one[kind.key]).startswith(incomplete)]

    return click.argument("document_id", metavar="ID", shell_complete=ids)


def _reading(kind: Kind, made: Group) -> None:
    whole, name = kind.words

    @made.command("ls", examples=[(f"{whole} ls --json", "all of them, whole, as JSON")])
    @click.option("--all", "-a", "everything", is_flag=True, help="Also those that are not for you, if you write them.")
    @json_option
    @server_options
    def ls(everything: bool, as_json: bool) -> None:
        """List them."""
        found = current().client().documents(kind.name, everything)
        if as_json:
            output.document(found)
        else:
            show(kind, found)

    @made.command("get", examples=[
        (f"{whole} get {name} > {name}.json", "save one, to be changed and put again"),
        (f"{whole} get {name} --version 1 > before.json", "the version before this; put it to go back"),
    ])  # fmt: skip
    @_which(kind)
    @click.option("--version", type=click.IntRange(0), help="An older one: 1 is the one before; versions lists them.")
    @click.option("--text", is_flag=True, help="Only its text (a form's HTML, a function's source).")
    @server_options
    def get(document_id: str, version: int | None, text: bool) -> None:
        """Print one as JSON."""
        client = current().client()
        found = client.document(kind.name, document_id) if not version else _version(client, kind, document_id, version)
        if text and kind.text:
            value = found[kind.text]
            output.line(output.neutral(value, lines=True) if isinstance(value, str) else json.dumps(value, indent=2))
        else:
            output.document(found)

    @made.command("versions", examples=[(f"{whole} versions {name}", "who changed it, and when")])
    @_which(kind)
    @json_option
    @server_options
    def versions(document_id: str, as_json: bool) -> None:
        """List what it was before, newest first."""
        found = current().client().document_versions(kind.name, document_id)
        if as_json:
            output.document(found)
            return
        rows = (
            (number, output.moment(one.get("at")), one.get("by"), "written" if one.get("document") else "removed")
            for number, one in enumerate(found)
        )
        output.table(("VERSION", "TIME", "BY", "WHAT"), rows, empty="It was never written here.")


def _writing(kind: Kind, made: Group) -> None:
    whole, name = kind.words

    @made.command("put", examples=[
        (f"{whole} put {kind.example}{kind.new}", f"write the {kind.one} {name}"),
        (f"{whole} put - --id {name}", "the same from standard input"),
    ])  # fmt: skip
    @click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
    @click.option("--id", "document_id", metavar="ID", help="Else the document's own, else the file's name.")
    @click.option("--set", "members", metavar="MEMBER=VALUE", multiple=True,
                  help="Set a member beside what the file says, as JSON or text; may be repeated.")  # fmt: skip
    @click.option(
        "--force", is_flag=True, help="Also over what somebody else changed since the file was got, or if it is in use."
    )
    @json_option
    @server_options
    def put(file: str, document_id: str | None, members: tuple[str, ...], force: bool, as_json: bool) -> None:
        """Write one from a file: its JSON document, or its text alone; then other members stay as they are."""
        client = current().client()
        given = read(kind, file)
        target = document_id or str(given.get(kind.key) or (Path(file).stem if file != "-" else ""))
        if not target:
            raise click.UsageError("Give --id: standard input has no name.")
        body = {**(_known(client, kind, target) if given.pop("_text", False) else {}), **given, **_members(members)}
        revision = None if force or body.get("fixed") else given.get("revision")
        body = {name: value for name, value in body.items() if name not in (*_OURS, kind.key)}
        if kind.key != "name" and kind.name in ("forms", "functions", "bookmarks"):
            body.setdefault("name", target)
        with _hint():
            kept = client.put_document(kind.name, target, body, revision, force)
        if as_json:
            output.document(kept)

    @made.command("rm", examples=[(f"{whole} rm {name}", "its versions stay, so that it can be had back")])
    @_which(kind)
    @click.option("--force", is_flag=True, help="Also if it is in use: what refers to it goes on without it.")
    @server_options
    def rm(document_id: str, force: bool) -> None:
        """Remove one; a form or a function that is in use only by --force."""
        with _hint():
            current().client().delete_document(kind.name, document_id, force)


@contextlib.contextmanager
def _hint() -> Iterator[None]:
    try:
        yield
    except InUse as error:
        raise InUse(f"{error.detail} --force does it all the same.", **error.extra) from error


def show(kind: Kind, found: Sequence[dict[str, Any]]) -> None:
    head = tuple("FILE" if name == "fixed" else name.upper() for name in kind.columns)
    output.table(head, ([_cell(one.get(name)) for name in kind.columns] for one in found), empty=f"No {kind.name}.")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)


def read(kind: Kind, file: str) -> dict[str, Any]:
    """The document in a file; ``_text`` marks one that is a text alone."""
    with click.open_file(file, encoding="utf-8-sig") as stream:
        text = stream.read()
    plain = Path(file).suffix == kind.suffix if file != "-" else not text.lstrip().startswith("{")
    if kind.suffix and plain:
        return {kind.text: text, "_text": True}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidValue(f"{file}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidValue(f"{file}: an object is needed")
    if kind.name == "static-data" and not ("data" in document and {"id", "revision"} & set(document)):
        return {"data": document}
    return document


def _known(client: Any, kind: Kind, document_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = client.document(kind.name, document_id)
    except NotFound:
        return {}
    return found


def _version(client: Any, kind: Kind, document_id: str, number: int) -> dict[str, Any]:
    versions = client.document_versions(kind.name, document_id)
    if number >= len(versions) or versions[number].get("document") is None:
        raise NotFound(f"There is no version {number} of {document_id}.")
    document: dict[str, Any] = versions[number]["document"]
    return document


def _members(pairs: Sequence[str]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{pair!r} is not MEMBER=VALUE.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


bookmarks, forms, functions, chains, profiles, static_data = map(_group, KINDS)


@group("permissions", examples=[("portcall permissions get", "the level of each user and group")])
def permissions() -> None:
    """Show and write who may do what."""


@permissions.command("get", examples=[
    ("portcall permissions get", "levels by user and group"),
    ("portcall permissions get --json > permissions.json", "save them, to be changed and put again"),
])  # fmt: skip
@json_option
@server_options
def permissions_get(as_json: bool) -> None:
    """Show the levels of users and groups, and what managers may do."""
    found = current().client().permissions()
    if as_json:
        output.document({name: found[name] for name in ("default", "users", "groups", "boxes", "revision", "fixed")})
        return
    rows = [("default", "", found["default"])]
    rows += [("user", name, level) for name, level in sorted(found["users"].items())]
    rows += [("group", name, level) for name, level in sorted(found["groups"].items())]
    output.table(("WHO", "NAME", "LEVEL"), rows)
    output.line(f"managers may also: {output.neutral(', '.join(found['boxes'])) or 'nothing more'}")
    if found.get("fixed"):
        output.line(f"from the file {output.neutral(found['fixed'])}: changed there alone")


@permissions.command("put", examples=[("portcall permissions put permissions.json", "in force at once")])
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Also over what somebody else changed since the file was got.")
@server_options
def permissions_put(file: str, force: bool) -> None:
    """Write who may do what: {default, users, groups, boxes}. One stays an administrator oneself."""
    document = read(KINDS[0], file)
    revision = None if force else document.get("revision")
    body: dict[str, Any] = {
        name: document[name] for name in ("default", "users", "groups", "boxes") if name in document
    }
    current().client().set_permissions(body, revision)
