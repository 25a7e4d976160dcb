"""Chains as ``portcall simulate`` is given them: policies and function files by name, or a chain's document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcall.cluster import query
from portcall.cluster.balance import Prefilter
from portcall.errors import InvalidValue
from portcall.functions.base import Engine, Source
from portcall.model.administered import EXECUTABLE, FUNCTION_STEP, JAVASCRIPT, PYTHON
from portcall.model.function import BY_NAME
from portcall.policies.base import Policy

_SUFFIXES = {".js": JAVASCRIPT, ".mjs": JAVASCRIPT, ".py": PYTHON}
KIND = BY_NAME["start-balance"]


@dataclass(frozen=True)
class Chain:
    """``steps``: a policy's name, or a file of a start balancing function. ``prefilter``: a query (cluster.query)."""

    name: str
    steps: tuple[str, ...]
    folder: Path
    prefilter: Mapping[str, Any]

    def fits(self) -> Prefilter:
        return query.Prefilter(self.prefilter) if self.prefilter else None


def read(text: str) -> Chain:
    """``fewest_sessions``, ``needs_gpu,./mine.js``, or ``@chain.json``: ``{"steps": […], "prefilter": {…}}``."""
    if not text.startswith("@"):
        return Chain(text, tuple(step.strip() for step in text.split(",") if step.strip()), Path(), {})
    path = Path(text[1:])
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}", field="chain") from error
    except ValueError as error:
        raise InvalidValue(f"{path}: not JSON: {error}", field="chain") from error
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise InvalidValue(f'{path}: write {{"steps": ["fewest_sessions", …], "prefilter": {{…}}}}', field="chain")
    prefilter = document.get("prefilter") or {}
    query.check(prefilter)
    return Chain(str(document.get("name") or path.stem), tuple(steps), path.parent, prefilter)


async def policies(
    chain: Chain, policy: Callable[[str], Any], names: list[str], engine: Callable[[str], Engine]
) -> list[Policy]:
    """The steps, functions checked. ``policy`` gives the class of a name, ``engine`` the engine of one."""
    found: list[Policy] = []
    for step in chain.steps:
        path = chain.folder / step
        if path.suffix in _SUFFIXES or "/" in step:
            found.append(await _function(path, policy, engine))
        elif step in names and step != "function":
            found.append(policy(step)())
        else:
            also = f" ({step} is a function of a server: save its source to a file and name that)"
            shipped = ", ".join(name for name in names if name != "function")
            raise InvalidValue(
                f"there is no policy {step!r}{also if step.startswith(FUNCTION_STEP) else ''}; there are: {shipped}; "
                "or name a file: ./mine.js", field="chain",
            )  # fmt: skip
    if not found:
        raise InvalidValue("a chain has one step at least", field="chain")
    return found


async def _function(path: Path, policy: Callable[[str], Any], engine: Callable[[str], Engine]) -> Policy:
    source = _source(path)
    runs = engine(source.engine)
    await runs.check(source, KIND)
    made: Policy = policy("function")(runs, source, KIND)
    return made


def _source(path: Path) -> Source:
    if not path.is_file():
        raise InvalidValue(f"{path}: there is no such file", field="chain")
    name = _SUFFIXES.get(path.suffix, EXECUTABLE)
    try:
        text = path.read_text("utf-8-sig") if name == JAVASCRIPT else str(path.resolve())
    except UnicodeDecodeError as error:
        raise InvalidValue(f"{path}: not text in UTF-8", field="chain") from error
    return Source(path.name, text, name, {"contract": "v4"} if path.suffix == ".v4" else {})
