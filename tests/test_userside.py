"""The user side: nothing but the standard library of Python 3.9, in a directory that everyone can read."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portcall import userside

_FILES = userside.sources()
_OURS = {"portcall.linkd", "portcall.sessiond", "portcall.displays", "portcall.wire", "portcall.model"}
_OURS |= {"portcall.clock", "portcall.errors", "portcall.plugins"}
_GUARDED = {"tomllib"}  # imported where it is, with a way on where it is not
_HEAVY = {"asyncio", "secrets", "hashlib", "ssl", "subprocess", "logging", "urllib", "http", "email", "random", "uuid"}
# loaded where it is used, in a process that ends (tests/test_onefile.py)
_IN_CHILDREN = {"portcall/sessiond/network.py": {"ssl", "hashlib"}}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("name", sorted(_FILES))
def test_it_is_written_in_python_3_9(name: str) -> None:
    ast.parse(_FILES[name].read_text(), feature_version=(3, 9))
    assert "from __future__ import annotations" in _FILES[name].read_text() or not _FILES[name].read_text().count(
        "def "
    )


@pytest.mark.parametrize("name", sorted(_FILES))
def test_it_imports_the_standard_library_and_itself(name: str) -> None:
    for module in _imports(_FILES[name]):
        top = module.partition(".")[0]
        if top == "portcall":
            assert any(module == one or module.startswith(one + ".") for one in _OURS) or module == "portcall", module
        else:
            assert top in sys.stdlib_module_names, module
            assert top not in _HEAVY - _IN_CHILDREN.get(name, set()), f"{module}: memory in each of a user's processes"


def test_every_module_loads_by_the_systems_python_alone(tmp_path: Path) -> None:
    root = userside.install(tmp_path)
    modules = sorted(name[:-3].replace("/", ".").removesuffix(".__init__") for name in _FILES)
    code = f"import sys, importlib; sys.path.insert(0, {str(root)!r})\nfor m in {modules!r}: importlib.import_module(m)"
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-E", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_installing_is_repeatable_and_whole(tmp_path: Path) -> None:
    target = tmp_path / "lib"
    root = userside.install(target)
    assert userside.install(target) == root
    assert [path.name for path in target.iterdir()] == [root.name]
    for path in [target, root, *root.rglob("*")]:
        readable = 0o755 if path.is_dir() or path.read_bytes().startswith(b"#!") else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == readable, path
    assert list(root.rglob("*.pyc"))


def test_the_entry_files_run(tmp_path: Path) -> None:
    root = userside.install(tmp_path)
    for entry in ("libexec/portcall-link", "scripts/start"):
        done = subprocess.run([root / entry, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout


def test_what_sites_scripts_look_for_is_in_the_tree(tmp_path: Path) -> None:
    """S1: examples in install/config/job-scheduler.d, and _fastx beside them and beside the start scripts."""
    root = userside.install(tmp_path)
    for name in ("scripts/_fastx.py", "install/config/job-scheduler.d/_fastx.py"):
        assert (root / name).read_bytes() == (userside.shipped()["scripts/_fastx.py"]).read_bytes()
    for example in ("basic.py", "weblink.py"):
        assert os.access(root / "install/config/job-scheduler.d" / example, os.X_OK)
    assert (root / "install/config/launcher-templates").is_dir()
    assert userside.root_of(tmp_path) == root


def test_old_versions_go_and_the_last_stay(tmp_path: Path) -> None:
    for index in range(5):
        old = tmp_path / f"old{index}" / "libexec"
        old.mkdir(parents=True)
        (old / "portcall-link").touch()
        os.utime(old.parent, (index, index))
    root = userside.install(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {root.name, "old3", "old4"}
