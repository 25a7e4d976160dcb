"""portcall import."""

from __future__ import annotations

from pathlib import Path

import click

from portcall.cli import output
from portcall.cli.command import group, json_option
from portcall.model import codec


@group("import", examples=[("portcall import fastx /etc/fastx --dry-run", "what would become of a site's files")])
def import_() -> None:
    """Take over what a site has set up in another system."""


@import_.command("fastx", examples=[
    ("portcall import fastx /etc/fastx --dry-run", "say what would be taken, write nothing"),
    ("portcall import fastx /etc/fastx --output /etc/portcall", "write bookmarks, forms, permissions … there"),
])  # fmt: skip
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", "-o", "target", metavar="DIR", default="portcall-import", show_default=True,
              type=click.Path(file_okay=False, path_type=Path),
              help="Where files are written: a configuration directory, or one to look at first.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@json_option
def fastx(directory: Path, target: Path, dry_run: bool, force: bool, as_json: bool) -> int:
    """Read a FastX configuration directory, write files of this server's, and report line by line.

    Version 4: apps, forms, permissions.ini, fastx.env, launcher templates. Version 3: files of JSON lines. DIR is only
    read; secrets are not taken.
    """
    from portcall.moving import fastx as moving
    from portcall.moving.report import TAKEN
    from portcall.moving.write import save

    found = moving.read(directory)
    written = [] if dry_run else save(found, target, force)
    wrong = [] if dry_run else moving.check(target)
    if as_json:
        lines = [codec.to_document(line) for line in found.lines]
        errors = [str(error) for error in wrong]
        whole = {"report": lines, "counts": found.counts(), "files": sorted(found.files), "written": bool(written)}
        output.document({**whole, "errors": errors})
        return 1 if wrong else 0
    output.table(("STATE", "WHERE", "WHAT", "INTO, OR WHY"),
                 ((line.state, line.where, line.what, line.why) for line in found.lines), cut=False,
                 empty="Nothing was found there.")  # fmt: skip
    counts = ", ".join(f"{count} {state}" for state, count in found.counts().items())
    output.line(f"\n{counts}.")
    for name in sorted(found.files):
        output.line(f"{'would write' if dry_run else 'wrote'} {output.neutral(target / name)}")
    if found.counts()[TAKEN] and not dry_run:
        output.line("Look them over, put them into the server's configuration directory, and reload it.")
    for error in wrong:
        click.echo(f"portcall: {output.neutral(error)}", err=True)
    return 1 if wrong else 0
