"""``portcall-session.pyz``: the user side in one file, for places where nothing else of it is installed.

It has compiled code for the Pythons of the server's host. On another one it is compiled at each start, which takes half
of it; so what was compiled is kept for the next, in the user's own directory.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import marshal
import os
import stat
import sys
import zipimport

_COMMANDS = {
    "start": ("portcall.sessiond.start", "main", "start a session on this host"),
    "start-weblink": ("portcall.sessiond.start", "weblink", "start a session that calls its server over the network"),
    "session": ("portcall.sessiond.main", "main", "take over a session whose process died"),
    "link": ("portcall.linkd.main", "main", "run a user's link to a server on this host"),
}
_UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: known by a hash that nobody looks at


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="portcall-session.pyz", description="The part of Portcall that runs as the user.", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["commands, each with a --help of its own:"]
                         + [f"  {name:14} {words}" for name, (_, _, words) in _COMMANDS.items()]),
    )  # fmt: skip
    parser.add_argument("command", choices=list(_COMMANDS), metavar="COMMAND")
    given = sys.argv[1:] if argv is None else argv
    module, function, _ = _COMMANDS[parser.parse_args(given[:1]).command]
    return int(getattr(importlib.import_module(module), function)(given[1:]) or 0)


def run(archive: str, state: str) -> int:
    """From the archive's own ``__main__``; ``state`` is what tells its code from that of another version."""
    if _has(archive, f"{sys.implementation.cache_tag}/portcall/__init__.pyc"):
        return main()
    place = f"{os.environ.get('FX_TEMP_DIR') or '/tmp'}/portcall-{os.getuid()}"
    kept = f"{place}/code-{state}-{sys.implementation.cache_tag}.zip"
    if _own(kept, stat.S_ISREG) and _own(place, stat.S_ISDIR):
        sys.path.insert(0, kept)
        for name in [name for name in sys.modules if name.partition(".")[0] == "portcall"]:
            del sys.modules[name]  # these few lines; all that comes is to be found there
        return int(importlib.import_module("portcall.sessiond.onefile").main())
    code = main()
    if _own(place, stat.S_ISDIR):
        with contextlib.suppress(OSError, ValueError):
            _keep(archive, kept)
    return code


def _has(archive: str, name: str) -> bool:
    try:
        return bool(zipimport.zipimporter(archive).get_data(name))
    except OSError:
        return False


def _own(path: str, kind: object) -> bool:
    """Ours alone to write, and no link: what is in it will be run."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    private = found.st_uid == os.getuid() and not found.st_mode & 0o077
    return private and bool(kind(found.st_mode))  # type: ignore[operator]


def _keep(archive: str, kept: str) -> None:
    """All of it, compiled by this Python; as a whole, by a rename."""
    import zipfile

    draft = f"{kept}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file, zipfile.ZipFile(archive) as source, zipfile.ZipFile(file, "w") as target:
            for name in source.namelist():
                if name.startswith("portcall/") and name.endswith(".py"):
                    text = source.read(name)
                    code = marshal.dumps(compile(text, f"{archive}/{name}", "exec", dont_inherit=True))
                    head = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(text)
                    target.writestr(zipfile.ZipInfo(name + "c"), head + code)
        os.rename(draft, kept)
    except BaseException:
        os.unlink(draft)
        raise
