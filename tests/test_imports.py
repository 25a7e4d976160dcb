"""Who may import whom (docs/design, "Grammar of the tree"), read from every module's syntax tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = SOURCE / "portcall"
LONGEST = 400  # lines

# What everyone uses, and may therefore not use what stands above it.
GROUND = {"errors", "clock", "model", "plugins", "config", "bus", "logs", "wire", "__init__"}
KINDS = {"authenticators", "displays", "functions", "launchers", "links", "policies", "stores"}
USER_SIDE = {"linkd", "sessiond", "displays", "wire", "model", "clock", "errors", "plugins"}
ANY = {"*"}

# Part → the parts that it may import, beside itself, the ground and the contracts (base.py) of the kinds.
MAY: dict[str, set[str]] = {
    "__main__": ANY,
    "app": ANY,
    "testing": ANY,
    "cli": {
        "client",
        "app",
        "linkd",
        "sessiond",
        "login",
        "start",
        "session",
        "simulate",
        "moving",
        "jobs",
        "userside",
    },  # the latter: `portcall settings` and kin
    "web": {"start", "login", "session", "gateway", "cluster", "jobs"},
    "start": {"login", "session", "cluster", "jobs"},
    "login": {"cluster"},
    "session": {"cluster"},
    "gateway": {"cluster", "session"},  # a viewer is a Connection of session/connect
    "jobs": {"cluster"},
    "moving": {"cluster", "login", "start"},  # what they would read is what it writes
    "simulate": {"cluster"},  # the same balancing, in virtual time
    "cluster": set(),
    "client": set(),
    "linkd": {"sessiond"},  # the link forks the daemon out of itself
    "sessiond": set(),
    "userside": {"keymap"},
    "keymap": set(),
    **{kind: set() for kind in KINDS},
}
# The ground's own order.
GROUND_MAY = {
    "__init__": set(),
    "errors": set(),
    "clock": set(),
    "model": {"errors"},
    "plugins": {"errors"},
    "config": {"model", "errors", "clock"},
    "bus": {"model", "errors", "clock"},
    "wire": {"model", "errors", "clock"},
    "logs": {"errors"},
}  # fmt: skip

EXCEPTIONS = {
    ("links/ssh.py", "portcall.authenticators._sshd"): "one way of speaking with sshd, for logging in and for links",
}


@dataclass(frozen=True)
class Import:
    """``names``: full dotted names that the statement may load. ``lazy``: not at the top of its module."""

    line: int
    names: tuple[str, ...]
    lazy: bool


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def part(path: Path) -> str:
    """The package's direct child that a file is, or is in."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text()).body, lazy=False))


def _imports(body: list[ast.stmt], lazy: bool) -> Iterator[Import]:
    """Those under TYPE_CHECKING are for the type checker alone: nothing is loaded."""
    for node in body:
        if isinstance(node, ast.Import):
            yield Import(node.lineno, tuple(alias.name for alias in node.names), lazy)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.lineno, tuple(f"{node.module}.{alias.name}" for alias in node.names), lazy)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(node.orelse, lazy)
        else:
            deeper = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for name in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(node, name, []), deeper)
            for handler in getattr(node, "handlers", []):
                yield from _imports(handler.body, deeper)


def ours(name: str) -> list[str]:
    parts = name.split(".")
    return parts[1:] if parts[0] == "portcall" else []


def allowed(importer: str, imported: list[str]) -> bool:
    """``imported``: the parts of a name behind ``portcall``."""
    target = imported[0]
    if target == importer or target == "__version__":
        return True
    if importer in GROUND:
        return target in GROUND_MAY[importer]
    if target in GROUND or MAY[importer] is ANY or target in MAY[importer]:
        return True
    if target in KINDS and imported[1:2] == ["base"]:
        return True
    return target == "libpam" and importer in KINDS  # PAM's C functions, for the kinds that speak with it


def excepted(path: Path, name: str) -> bool:
    return (str(path.relative_to(PACKAGE)), name) in EXCEPTIONS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    wrong = [
        f"line {statement.line}: {name}"
        for statement in imports(path)
        for name in statement.names
        if ours(name) and not allowed(part(path), ours(name)) and not excepted(path, name)
    ]
    assert not wrong, f"{part(path)} may not import these"


def test_exceptions_are_still_needed() -> None:
    assert {
        (str(path.relative_to(PACKAGE)), name)
        for path in modules()
        for statement in imports(path)
        for name in statement.names
    } >= set(EXCEPTIONS)


def test_every_part_has_a_row_in_the_table() -> None:
    assert {part(path) for path in modules()} - {"libpam"} <= set(MAY) | GROUND


def test_only_who_composes_finds_implementations() -> None:
    """The server's root, the session daemon, and the command that runs a function without a server."""
    finders = {
        part(path)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) == "plugins.find")
        or (isinstance(node, ast.ImportFrom) and node.module == "portcall.plugins" and "find" in _aliases(node))
    }
    assert finders <= {"app", "cli", "sessiond"}


def test_only_plugins_find_reaches_an_implementation() -> None:
    """Files of one kind may share parts of their own."""
    reached = [
        f"{path.relative_to(PACKAGE)}:{statement.line}: {name}"
        for path in modules()
        for statement in imports(path)
        for name in statement.names
        if (target := ours(name)) and target[0] in KINDS and part(path) not in (target[0], "testing")
        if target[1:2] != ["base"] and not excepted(path, name)
    ]
    assert not reached


def user_side() -> list[Path]:
    return [path for path in modules() if part(path) in USER_SIDE or path == PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", user_side(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_user_side_needs_nothing_but_an_old_python(path: Path) -> None:
    """Standard library of Python 3.9, and Xlib where a rootless session needs it."""
    ast.parse(path.read_text(), feature_version=(3, 9))
    for statement in imports(path):
        for name in statement.names:
            top = name.split(".")[0]
            if top == "portcall":
                assert ours(name)[0] in USER_SIDE | {"__version__"}, f"line {statement.line}: {name}"
            elif top == "Xlib":
                assert statement.lazy, f"line {statement.line}: only when it is needed"
            else:
                assert top in sys.stdlib_module_names, f"line {statement.line}: {name} is not in the standard library"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    assert first, "a docstring says what the module is for"


def _aliases(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}
