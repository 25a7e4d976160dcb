"""Engine python: a module of the administrator's, trusted, run in this process in a thread with a time limit."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import linecache
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from portcall.errors import FunctionFailed, FunctionInvalid, FunctionsBusy, FunctionThrew
from portcall.functions.base import Call, Engine, Result, Source, picked
from portcall.model.function import Kind

_AT_ONCE, _WAITING = 8, 128
_WALL = 2.0  # seconds at least: threads share the processor with the server
_LOG_LINES = 200
_HERE = threading.local()  # log: of the call that this thread is for


class Python(Engine):
    """The module defines a function named as its kind (``start_balance``), or ``function``; it may be ``async``. It is
    given the input with private copies of the servers and ``seed``, for ``random.Random``. ``print`` is its log.

    A function that runs too long is told to stop by an exception; one that does not even then keeps a thread. When
    eight are kept the engine takes no more calls.
    """

    name = "python"
    title = "Python module"

    def __init__(self) -> None:
        self._modules: dict[str, tuple[float, ModuleType]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._threads: set[threading.Thread] = set()

    async def check(self, source: Source, kind: Kind) -> None:
        self._function(source, kind)

    async def run(self, source: Source, call: Call) -> Result:
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        if self._waiting >= _WAITING or len(self._threads) >= 2 * _AT_ONCE:
            raise FunctionsBusy("too many functions are running")
        self._waiting += 1
        try:
            async with self._room:
                return await self._in_thread(source, call)
        finally:
            self._waiting -= 1

    async def _in_thread(self, source: Source, call: Call) -> Result:
        wall = max(call.bounds.wall, _WALL) if call.limits is None else call.limits.wall
        running = _Running(lambda: self._call(source, call), asyncio.get_running_loop())
        self._threads.add(running.thread)
        began = time.perf_counter()
        running.thread.start()
        try:
            async with asyncio.timeout(wall):
                value = await asyncio.shield(running.done)
        except TimeoutError as error:
            running.stop()
            raise FunctionFailed(
                f"{source.name} took longer than {wall:g} seconds and was stopped", function=source.name, cause="time",
                log="\n".join(running.log),
            ) from error  # fmt: skip
        except asyncio.CancelledError:
            running.stop()
            raise
        except (FunctionThrew, FunctionFailed, FunctionInvalid) as error:
            error.extra.setdefault("log", "\n".join(running.log))
            raise
        return Result(value, tuple(running.log), time.perf_counter() - began)

    def _call(self, source: Source, call: Call) -> Any:
        function = self._function(source, call.kind)
        given = dict(call.input)
        if call.roster is not None:
            given["servers"] = [_copy(document) for document in call.documents()]
        given["seed"] = call.seed
        try:
            value = function(given)
            if inspect.isawaitable(value):
                value = asyncio.run(_wait(value))
        except (Exception, SystemExit) as error:
            line, column = _place(error.__traceback__, source.text)
            at = {"line": line, "column": column} if line else {}
            said = str(error) or type(error).__name__
            name = type(error).__name__
            text = said if name in ("Exception", "RuntimeError", "PermissionError") else f"{name}: {said}"
            raise FunctionThrew(text, function=source.name, name=name, **at) from error
        return picked(call, _json(source, value))

    def _function(self, source: Source, kind: Kind) -> Callable[[Any], Any]:
        module = self._module(source)
        for name in (kind.name.replace("-", "_"), "function"):
            found = getattr(module, name, None)
            if callable(found):
                return found  # type: ignore[no-any-return]
        raise FunctionInvalid(
            f"{source.name}: define a function {kind.name.replace('-', '_')}(input)",
            function=source.name,
            line=1,
            column=1,
        )

    def _module(self, source: Source) -> ModuleType:
        """As it is on the disk now."""
        path = Path(source.text)
        try:
            written = path.stat().st_mtime
            known = self._modules.get(source.text)
            if known and known[0] == written:
                return known[1]
            code = _compile(source, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise FunctionFailed(f"{source.name}: {path}: {error}", function=source.name, cause="missing") from error
        module = ModuleType(f"portcall_function_{path.stem}")
        module.__dict__.update(__file__=source.text, print=_print)
        linecache.checkcache(source.text)
        try:
            exec(code, module.__dict__)  # noqa: S102 - it is the administrator's own
        except Exception as error:
            line, column = _place(error.__traceback__, source.text)
            raise FunctionInvalid(
                f"{source.name}, line {line}, column {column}: {type(error).__name__}: {error}", function=source.name,
                line=line, column=column,
            ) from error  # fmt: skip
        self._modules[source.text] = (written, module)
        return module


class _Running:
    """A thread and what comes of it."""

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.log: list[str] = []
        self.done: asyncio.Future[Any] = loop.create_future()
        self.thread = threading.Thread(target=self._run, args=(work, loop), daemon=True, name="function")

    def _run(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        _HERE.log = self.log
        try:
            value, error = work(), None
        except BaseException as raised:  # noqa: BLE001 - whatever it was, the caller gets it
            value, error = None, raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, value, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(value)
        elif isinstance(error, Exception) and not isinstance(error, StopIteration):
            self.done.set_exception(error)
        else:
            self.done.set_exception(FunctionFailed(f"the function ended with {type(error).__name__}", cause="crash"))

    def stop(self) -> None:
        """Raise in the thread; it works between two steps of Python code, not inside of a system call."""
        self.done.cancel()
        if self.thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread.ident), ctypes.py_object(_Stop)
            )  # fmt: skip


class _Stop(BaseException):
    """Not caught by ``except Exception``."""


async def _wait(value: Any) -> Any:
    return await value


def _print(*values: Any, **_: Any) -> None:
    log: list[str] | None = getattr(_HERE, "log", None)
    if log is not None and len(log) < _LOG_LINES:
        log.append(" ".join(str(value) for value in values)[:2000])


def _compile(source: Source, text: str) -> CodeType:
    try:
        return compile(text, source.text, "exec")
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", 1) or 1, getattr(error, "offset", 1) or 1
        said = getattr(error, "msg", str(error))
        raise FunctionInvalid(
            f"{source.name}, line {line}, column {column}: {said}", function=source.name, line=line, column=column
        ) from error


def _place(trace: TracebackType | None, path: str) -> tuple[int, int]:
    """Line and column of the last step in the administrator's file."""
    found = (0, 0)
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == path:
            positions = list(code.co_positions())
            start = positions[trace.tb_lasti // 2][2] if trace.tb_lasti // 2 < len(positions) else None
            found = (trace.tb_lineno, (start or 0) + 1)
        trace = trace.tb_next
    return found


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) if isinstance(item, dict | list) else item for item in value]
    return value


def _json(source: Source, value: Any, depth: int = 0) -> Any:
    """The value if it is JSON, tuples as lists."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth < 50 and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(source, item, depth + 1) for key, item in value.items()}
    if depth < 50 and isinstance(value, list | tuple):
        return [_json(source, item, depth + 1) for item in value]
    raise FunctionFailed(
        f"{source.name}: what it returned is no JSON: {type(value).__name__}", function=source.name, cause="result"
    )


IMPLEMENTATION = Python
