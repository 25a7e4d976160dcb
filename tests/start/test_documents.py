"""Documents of files are checked together: what one names must be in another."""

from __future__ import annotations

import asyncio
from pathlib import Path

from portcall.errors import PortcallError
from portcall.testing.server import Server


def faults(folder: Path, **written: str) -> list[str]:
    """What a server finds in these files (``__`` stands for a dot), without the folder's name."""

    async def find() -> list[str]:
        async with Server(folder).open() as server:
            config = server.services.config.directories.config
            for name, text in written.items():
                path = config / name.replace("__", ".").replace("_in_", "/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            wrong: list[PortcallError] = server.services.documents.reload()
            assert wrong == []
            found = await server.services.documents.faults()
            return [fault.replace(f"{config}/", "") for fault in found]

    return asyncio.run(find())


def test_a_bookmark_that_names_what_is_not_there_is_told_with_file_and_line(tmp_path: Path) -> None:
    text = '[xterm]\nname = "Terminal"\ncommand = "xterm"\n\n[cad]\nname = "CAD"\ncommand = "cad"\n{}\n'
    assert faults(tmp_path / "1", bookmarks__toml=text.format('profile = "big"')) == [
        "bookmarks.toml:8: [cad] profile: there is no profile 'big'"
    ]
    assert faults(tmp_path / "2", bookmarks__toml=text.format('forms = ["which"]')) == [
        "bookmarks.toml:8: [cad] forms: there is no form 'which'"
    ]


def test_a_bookmark_whose_launcher_or_its_options_cannot_be_is_told(tmp_path: Path) -> None:
    text = '[cad]\nname = "CAD"\ncommand = "cad"\nlauncher = "{}"\nlauncher_options = {{ time = "{}" }}\n'
    (found,) = faults(tmp_path / "1", bookmarks__toml=text.format("slurn", "1:00:00"))
    assert found.startswith("bookmarks.toml:4: [cad] launcher: there is no launcher 'slurn'; there are: ")
    (found,) = faults(tmp_path / "2", bookmarks__toml=text.format("slurm", "soon"))
    assert found.startswith("bookmarks.toml:1: [cad] launcherOptions: time: write MINUTES")
    assert faults(tmp_path / "3", bookmarks__toml=text.format("slurm", "1:00:00")) == []


def test_what_another_file_gives_is_there(tmp_path: Path) -> None:
    bookmarks = '[cad]\nname = "CAD"\ncommand = "cad"\nprofile = "big"\nforms = ["which"]\n'
    written = {"profiles__toml": '[big]\ngeometry = "1920x1080"\n', "forms_in_which__html": "<p>Which?</p>"}
    assert faults(tmp_path, bookmarks__toml=bookmarks, **written) == []


def test_a_slip_in_a_functions_file_is_told_with_its_line(tmp_path: Path) -> None:
    found = faults(tmp_path, functions_in_schedule_in_bsub__js="function(input) {\n  return 'x\n}\n")
    assert len(found) == 1
    assert found[0].startswith("functions/schedule/bsub.js:2")


def test_a_chain_with_a_step_that_is_none_is_told(tmp_path: Path) -> None:
    assert faults(tmp_path, chains__toml='[start]\nsteps = ["fastest"]\n') == [
        "chains.toml:2: [start] steps: there is no policy 'fastest'"
    ]
