"""The user side as one file: on every Python of this machine, with nothing installed."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest

from portcall import userside
from tests.fixtures.pythons import pythons

_COMMANDS = ("start", "start-weblink", "session", "link")
_START, _TRIES = 0.150, 15  # seconds of processor time for a start; the best of so many counts
# says what the daemon that began it and the start that forked the daemon have taken so far
_DISPLAY_THAT_KILLS_ITS_DAEMON = """#!/bin/sh
read -r daemon _ < /proc/$PPID/schedstat
read -r _ _ _ start _ < /proc/$PPID/stat
read -r start _ < /proc/$start/schedstat
echo $((daemon + start)) > {words}
kill -KILL $PPID
"""


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return userside.install(tmp_path_factory.mktemp("tree")) / userside.ONE_FILE


def run(*argv: str | Path, folder: str | Path = "/") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, argv)], capture_output=True, text=True, check=False, cwd=folder, timeout=120, env={}
    )


def test_everybody_may_read_and_run_it(one_file: Path) -> None:
    assert stat.S_IMODE(one_file.stat().st_mode) == 0o755
    done = run(one_file, "--help")
    assert done.returncode == 0, done.stderr
    assert all(f"  {command} " in done.stdout for command in _COMMANDS)


def test_it_is_made_the_same_again(one_file: Path, tmp_path: Path) -> None:
    again = userside.install(tmp_path) / userside.ONE_FILE
    ours, other = (zipfile.ZipFile(path) for path in (one_file, again))
    names = [name for name in ours.namelist() if not name.endswith(".pyc")]
    assert names == [name for name in other.namelist() if not name.endswith(".pyc")]
    assert all(ours.read(name) == other.read(name) for name in names)


@pytest.mark.parametrize("version", pythons())
def test_it_runs_on(version: str, one_file: Path) -> None:
    for command in _COMMANDS:
        done = run(pythons()[version], "-ISE", one_file, command, "--help")
        assert (done.returncode, "usage:" in done.stdout, done.stderr) == (0, True, "")
    # by a relative name too, and from its sources where they are not compiled for this Python
    done = run(pythons()[version], "-ISE", one_file.name, "start-weblink", folder=one_file.parent)
    assert (done.returncode, "WEBLINK_URL is not set" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("version", pythons())
def test_every_module_of_it_loads_on(version: str, one_file: Path) -> None:
    modules = sorted(name[:-3].replace("/", ".").removesuffix(".__init__") for name in userside.sources())
    first = f"import sys, importlib; sys.path.insert(0, {str(one_file)!r})"
    code = f"{first}\nfor module in {modules!r}: importlib.import_module(module)"
    done = run(pythons()[version], "-ISEc", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_loaded_for_a_session_is_light(one_file: Path) -> None:
    """TLS comes with the first dial that needs it, and stays in the process that made it."""
    loaded = loaded_with(one_file, "portcall.sessiond.start", "portcall.sessiond.run")
    assert "portcall.sessiond.network" in loaded
    assert not loaded & {"ssl", "hashlib", "asyncio", "urllib", "http", "email", "random", "subprocess", "logging"}


def test_what_can_be_loaded_while_the_display_comes_up_is_not_loaded_before(one_file: Path) -> None:
    loaded = loaded_with(one_file, "portcall.sessiond.start")
    assert "portcall.sessiond.display" in loaded
    assert not loaded & {"portcall.wire.messages", "portcall.sessiond.daemon", "portcall.sessiond.uplink", "traceback"}


def loaded_with(one_file: Path, *modules: str) -> set[str]:
    lines = [f"import sys; sys.path.insert(0, {str(one_file)!r})", *(f"import {module}" for module in modules)]
    return set(run("/usr/bin/python3", "-ISEc", "\n".join([*lines, "print(*sys.modules)"])).stdout.split())


@pytest.mark.serial
@pytest.mark.parametrize("version", pythons())
def test_a_start_is_at_its_display_within_150_ms_on(version: str, one_file: Path) -> None:
    """From the call of ``start-weblink`` until its display is a process, where nothing of ours was ever compiled.

    What it takes of the processor is what it takes on a machine that has nothing else to do: it waits for nothing.
    """
    took: list[float] = []
    while not took or (min(took) > _START and len(took) < _TRIES):
        took.append(until_its_display(pythons()[version], one_file))
    assert min(took) <= _START, took


def until_its_display(python: str, one_file: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "words")
        os.mkfifo(words)
        for name in ("Xvnc", "xkbcomp"):
            program = Path(folder, name)
            program.write_text(_DISPLAY_THAT_KILLS_ITS_DAEMON.format(words=words))
            program.chmod(0o755)
        environment = {"FX_TEMP_DIR": folder, "PORTCALL_PROGRAMS": folder}
        environment.update(WEBLINK_URL="http://127.0.0.1:9", WEBLINK_PRIMARY="a.token")
        argv = [python, "-ISE", str(one_file), "start-weblink", "--command", "true"]
        with open(os.open(words, os.O_RDWR), "rb", buffering=0) as said:
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
            assert select.select([said], [], [], 0)[0], done.stderr
            return int(said.read(64)) / 1e9


def test_a_command_that_is_not_known_is_refused(one_file: Path) -> None:
    done = run(one_file, "stat")
    assert done.returncode == 2
    assert "start-weblink" in done.stderr


def test_installing_writes_it_where_it_is_wanted(tmp_path: Path) -> None:
    done = run(Path(__file__).parents[1] / ".venv/bin/python", "-m", "portcall.userside", tmp_path / "one.pyz")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path / "one.pyz", "start", "--help").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["one.pyz"]


def others() -> list[str]:
    """Pythons for which nothing was compiled beforehand; where there is none, the tests have nothing to find."""
    return [version for version, path in pythons().items() if not path.startswith(("/usr/bin/", "/usr/local/bin/"))]


@pytest.mark.parametrize("version", others())
def test_what_was_compiled_for_a_python_of_another_host_is_kept_for_its_user(
    version: str, one_file: Path, tmp_path: Path
) -> None:
    place = tmp_path / f"portcall-{os.getuid()}"
    place.mkdir(mode=0o700)

    def started() -> str:
        argv = [pythons()[version], "-ISE", str(one_file), "start-weblink"]
        environment = {"FX_TEMP_DIR": str(tmp_path)}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False).stderr

    assert "WEBLINK_URL is not set" in started()
    (kept,) = place.iterdir()
    assert kept.name.endswith(f"-cpython-{version.replace('.', '')}.zip")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "WEBLINK_URL is not set" in started()
    # it is what runs then, as long as nobody else may have written it
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("portcall/__init__.py", "raise SystemExit('from what was kept')")
    assert "from what was kept" in started()
    kept.chmod(0o660)
    assert "WEBLINK_URL is not set" in started()
    kept.chmod(0o600)
    place.chmod(0o770)
    assert "WEBLINK_URL is not set" in started()
