"""Copies the user side into a directory of its own, which every user may read and run with the system's Python."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from portcall import keymap

PACKAGES = ("linkd", "sessiond", "displays", "wire", "model")
MODULES = ("__init__", "clock", "errors", "plugins")
_KEPT = 3  # versions; a link that runs may still read the one that it began with

# file name → (module, function); run with -I -S -E or by their own first line
_ENTRIES = {
    "libexec/portcall-link": ("portcall.linkd.main", "main"),
    "scripts/start": ("portcall.sessiond.start", "main"),
    "scripts/start-weblink": ("portcall.sessiond.start", "weblink"),
}
_ENTRY = """#!{python} -ISE
import sys

sys.path.insert(0, {root!r})
from {module} import {function}

sys.exit({function}())
"""
ONE_FILE = "portcall-session.pyz"
# A session's process changes its directory, and may load one thing or another from the file later on.
_MAIN = """import os
import sys
import zipimport


class Importer(zipimport.zipimporter):
    # Python's own compiles a module to tell its file's name, forgets that, and compiles it again to run it

    def get_filename(self, fullname):
        path = self.archive + "/" + self.prefix + fullname.rpartition(".")[2]
        return path + "/__init__.py" if self.is_package(fullname) else path + ".py"


sys.path[0] = os.path.abspath(sys.path[0])
archive = sys.path[0]
sys.path_hooks.insert(0, Importer)
sys.path_importer_cache.pop(archive, None)
sys.path.insert(0, archive + "/" + sys.implementation.cache_tag)
from portcall.sessiond.onefile import run

sys.exit(run(archive, {state!r}))
"""
_OLDEST, _NEWEST = 9, 15  # of Python 3: for those that are on this host, code is compiled beforehand


def shipped() -> dict[str, Path]:
    """What sites' scripts find in the tree: path in it → file, of the clone or in the installed package."""
    here = Path(__file__).parent
    top = here / "shipped" if (here / "shipped").is_dir() else here.parents[1]
    config = top / "install/config"
    files = {str(Path("install/config") / path.relative_to(config)): path for path in config.rglob("*")}
    module = top / "scripts/_fastx.py"
    found = {"scripts/_fastx.py": module, "install/config/job-scheduler.d/_fastx.py": module, **files}
    return {name: path for name, path in sorted(found.items()) if path.is_file() and "__pycache__" not in path.parts}


def sources() -> dict[str, Path]:
    """What the user side consists of: path in the tree → file of ours."""
    here = Path(__file__).parent
    files = [here / f"{module}.py" for module in MODULES]
    for package in PACKAGES:
        files += sorted((here / package).rglob("*.py"))
    return {str(Path("portcall") / file.relative_to(here)): file for file in files}


def installed() -> Path | None:
    """The tree of this very installation, which only root can write, and which sudoers names."""
    parents = Path(sys.prefix).resolve().parents
    return next((parent for parent in parents if (parent / "libexec" / "portcall-link").is_file()), None)


def root_of(target: Path, python: str = "/usr/bin/python3") -> Path:
    """Where ``install`` puts this state of the sources."""
    digest = hashlib.sha256(repr((python, _ENTRY, _MAIN, keymap.state())).encode())
    for name, content in sorted(_files().items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return target.absolute() / digest.hexdigest()[:16]


def _files() -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in {**sources(), **shipped()}.items()}


def install(target: Path, python: str = "/usr/bin/python3") -> Path:
    """The root of the tree for this state of the sources, below ``target``; made only where it is not there yet.

    It appears as a whole, by a rename. Several servers may install at the same time.
    """
    files = _files()
    root = root_of(target, python)
    if (root / "libexec/portcall-link").exists():
        os.utime(root)
        return root
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=target))
    try:
        for name, content in files.items():
            _write(draft / name, content, 0o755 if content.startswith(b"#!") else 0o644)
        for name, (module, function) in _ENTRIES.items():
            text = _ENTRY.format(python=python, root=str(root), module=module, function=function)
            _write(draft / name, text.encode(), 0o755)
        keymap.make(draft / "portcall/displays/keymap")
        for each in (python, *others(python)):
            _compile(draft, root, each)
        make_one_file(draft / ONE_FILE, draft, root.name, python)
        for directory in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        with contextlib.suppress(OSError):  # another made the same meanwhile
            draft.rename(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _forget_old(target)
    return root


def others(python: str) -> list[str]:
    """Other Pythons of this host that may run the user side; those of jobs on hosts like this one are the same."""
    names = [f"python3.{minor}" for minor in range(_OLDEST, _NEWEST)]
    found = [Path(folder) / name for name in names for folder in ("/usr/bin", "/usr/local/bin")]
    return [str(path) for path in found if path.is_file() and path.resolve() != Path(python).resolve()]


def make_one_file(path: Path, tree: Path, state: str, python: str = "/usr/bin/python3") -> None:
    """The user side as one file that any Python from 3.9 on runs: the sources, and what the tree has compiled of them.

    Stored, not packed: a Python may have been built without zlib.
    """
    with path.open("wb") as file:
        file.write(f"#!{python} -ISE\n".encode())
        with zipfile.ZipFile(file, "w") as archive:
            _put(archive, "__main__.py", _MAIN.format(state=state).encode())
            for name in sources():
                source = tree / name
                _put(archive, name, source.read_bytes())
                for compiled in sorted((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")):
                    tag = compiled.name.split(".")[1]
                    _put(archive, f"{tag}/{name}c", compiled.read_bytes())
    path.chmod(0o755)


def main() -> None:
    """``python -m portcall.userside FILE [PYTHON]``: for installing; the file appears as a whole."""
    target, python = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/usr/bin/python3"
    with tempfile.TemporaryDirectory() as folder:
        made = install(Path(folder), python) / ONE_FILE
        draft = target.with_name(f".{target.name}.new")
        shutil.copy(made, draft)
        draft.replace(target)


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """With the same bytes each time."""
    archive.writestr(zipfile.ZipInfo(name), content)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _compile(draft: Path, root: Path, python: str) -> None:
    """By the Python that will run it. The tree never changes, so nothing need be compared when it is loaded."""
    argv = [python, "-I", "-S", "-E", "-m", "compileall", "-q", "-s", str(draft), "-p", str(root)]
    argv += ["--invalidation-mode", "unchecked-hash", str(draft / "portcall")]
    # where it cannot be compiled it still runs, only slower
    subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, umask=0o022)


def _forget_old(target: Path) -> None:
    trees = [path for path in target.iterdir() if (path / "libexec/portcall-link").exists()]
    for tree in sorted(trees, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
        shutil.rmtree(tree, ignore_errors=True)


if __name__ == "__main__":
    main()
