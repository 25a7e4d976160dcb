"""Worker processes: one JavaScript engine each behind a socket, locked in before the first function is read.

Run as ``python -I -S worker.py FD ENGINE HOST_JS MEMORY PARENT``; imports the standard library and its neighbour. This
process loads the engine once and forks a worker for every socket that comes in over FD, so that the server itself never
forks and a worker is there in a few milliseconds. It reads no functions. All end with the server.

Over FD, messages: in, how nice, with a socket; out, the worker's pid with its pidfd, or E and words.
Over a worker's socket, frames: four bytes of length, a byte of what it is, then parts, each with four bytes of length.
  in   C compile (key, source)   P put (documents)   R run (head, spec, input)   A answer (json)   Z reset
  out  Y ready   O compiled   E error (json)   H host calls (json)   D done (json, how)
Head: key, seconds of processor time, bytes of memory. Input: where there is none, that of the run before. How: seconds
of the processor, seconds by the clock, why the worker is of no use any more, whether the run that follows this one is
made (else nothing is said of it), what was printed. The D of a short run waits for that of the run that follows.
"""

import gc
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
import time
from typing import Any

LENGTH = struct.Struct("!I")
NO_LIMIT = -1.0
SHORT, SOON = 4096, 0.01  # bytes; seconds
FILLED = 0.005  # seconds; memory cannot be filled in less


def main() -> None:
    fd, engine, host, memory, parent = sys.argv[1:6]
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import sandbox  # type: ignore[import-not-found,unused-ignore]

    door = socket.socket(fileno=int(fd))
    # workers are waited for by their pidfd, in the server
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        sandbox.end_with(int(parent))
        quickjs = load(engine)
        with open(host, encoding="utf-8") as file:
            worker = Worker(quickjs, file.read())
        worker.warm()
    except Exception as error:  # noqa: BLE001 - it is told to the server
        door.send(f"E{type(error).__name__}: {error}"[:4000].encode())
        os._exit(1)
    gc.freeze()
    door.send(b"Y")
    ours = os.getpid()
    while True:
        nice, sockets, _, _ = socket.recv_fds(door, 16, 1)
        if not nice:
            os._exit(0)
        try:
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                work(worker, sockets[0], int(nice), int(memory), ours)
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            door.send(f"E{error}".encode())
        else:
            socket.send_fds(door, [str(pid).encode()], [pidfd])
            os.close(pidfd)
        os.close(sockets[0])


def work(worker: "Worker", fd: int, nice: int, memory: int, parent: int) -> None:
    """What a worker does from its birth on; it does not return."""
    import sandbox  # type: ignore[import-not-found,unused-ignore]

    line = worker.line = Line(fd)
    try:
        os.nice(nice)
        sandbox.enter(memory, parent)
    except Exception as error:  # noqa: BLE001 - it is told to the server
        line.send(b"E", json.dumps({"message": f"{type(error).__name__}: {error}"}))
        os._exit(1)
    line.send(b"Y")
    while True:
        worker.serve(*line.receive())


def load(path: str) -> Any:
    """The engine's extension module, without its package and without site-packages."""
    loader = importlib.machinery.ExtensionFileLoader("_quickjs", path)
    spec = importlib.machinery.ModuleSpec("_quickjs", loader, origin=path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Line:
    """Frames over the socket; its end is the end."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = bytearray()
        self._kept = b""

    def receive(self) -> "tuple[str, list[str]]":
        data = self._data
        while len(data) < 4:
            self._read(4)
        end = 4 + LENGTH.unpack_from(data)[0]
        while len(data) < end:
            self._read(end - len(data))
        parts, at = [], 5
        while at < end:
            begin = at + 4
            at = begin + LENGTH.unpack_from(data, at)[0]
            parts.append(data[begin:at].decode("utf-8", "surrogatepass"))
        what = chr(data[4])
        del data[:end]
        return what, parts

    def _read(self, count: int) -> None:
        chunk = os.read(self._fd, max(65_536, min(count, 1 << 20)))
        if not chunk:
            os._exit(0)
        self._data += chunk

    def send(self, what: bytes, *parts: str, more: bool = False) -> None:
        """``more`` follows at once: what is short waits for it, so that the other side wakes once."""
        body = [b"", what]
        for part in parts:
            data = part.encode("utf-8", "backslashreplace")
            body += (LENGTH.pack(len(data)), data)
        body[0] = LENGTH.pack(sum(map(len, body)))
        left = self._kept + b"".join(body)
        if more and len(left) < SHORT:
            self._kept = left
            return
        self._kept = b""
        while left:
            left = left[os.write(self._fd, left) :]


class Worker:
    line: Line
    _body = "{}"

    def __init__(self, quickjs: Any, host: str) -> None:
        self._context = quickjs.Context()
        self._context.set_max_stack_size(1 << 20)
        self._host = self._context.eval(host)

    def warm(self) -> None:
        """Everything that a call touches is touched once, while files can still be opened."""
        self._host("compile", "warm", "(function () { return (function (input) { return input.servers; }\n); })")
        self._run("warm", json.dumps({"seed": 1, "roster": True, "output": 100}), "{}", 1.0, -1, silent=True)
        self._host("compile", "warm", "(function () { return (async function (input) { throw new Error('x'); }\n); })")
        self._run("warm", json.dumps({"seed": 1, "roster": False, "output": 100}), "{}", 1.0, -1, silent=True)
        self._host("reset")
        self._line_of_error(ValueError("x"))

    def serve(self, what: str, parts: "list[str]") -> None:
        if what == "R":
            key, cpu, memory = parts[0].split()
            if len(parts) > 2:
                self._body = parts[2]
            self._run(key, parts[1], self._body, float(cpu), int(memory))
        elif what == "C":
            self._compile(*parts)
        elif what == "P":
            self._unlimited()
            self._host("put", parts[0])
        elif what == "Z":
            self._unlimited()
            self._host("reset")
        # an answer to a call that is over is nobody's

    def _unlimited(self) -> None:
        self._context.set_time_limit(NO_LIMIT)
        self._context.set_memory_limit(-1)

    def _compile(self, key: str, source: str) -> None:
        self._context.set_time_limit(1.0)
        try:
            self._host("compile", key, source)
        except Exception as error:  # noqa: BLE001 - it is told to the server
            self.line.send(b"E", json.dumps({"message": self._line_of_error(error)}))
        else:
            self.line.send(b"O")

    def _run(self, key: str, spec: str, body: str, cpu: float, memory: int, silent: bool = False) -> None:
        clock, began = time.perf_counter(), time.process_time()
        self._context.set_memory_limit(memory)
        self._context.set_time_limit(cpu)
        retire, out = "", ""
        try:
            if self._host("begin", key, spec, body):
                self._unlimited()
                return  # there is nothing for it to follow
            out = self._drain(began, cpu, silent)
        except TimeUp:
            retire, out = "time", '{"error":{"cause":"time"}}'
        except Exception as error:  # noqa: BLE001 - it is told to the server
            retire = _cause(self._line_of_error(error))
            out = json.dumps({"error": {"cause": retire}})
        if not retire and '"cause":"threw"' in out[:40] and _no_memory(out, time.process_time() - began):
            retire, out = "memory", '{"error":{"cause":"memory"}}'
        goes, log = "", "[]"
        self._context.set_time_limit(NO_LIMIT)
        self._context.set_memory_limit(-1)
        try:
            log = self._host("log")
            goes = self._host("end", "" if retire else "whole")
        except Exception:  # noqa: BLE001 - the engine cannot even say what was printed
            retire = retire or "memory"
        if not silent:
            took = time.perf_counter() - clock
            how = f'[{time.process_time() - began!r},{took!r},"{retire}",{goes or 0},{log}]'
            self.line.send(b"D", out, how, more=bool(goes) and took < SOON)

    def _drain(self, began: float, cpu: float, silent: bool) -> str:
        """Run what promises wait for, until there is a result and nothing left that could run into the next call."""
        execute, host = self._context.execute_pending_job, self._host
        while True:
            count = 0
            while execute():
                count += 1
                if count % 64 == 0 and time.process_time() - began > cpu:
                    raise TimeUp
            if time.process_time() - began > cpu:
                raise TimeUp
            said: str = host("poll")
            if said and not said.startswith('{"calls":'):
                return said
            if silent:
                return ""
            if said:
                self.line.send(b"H", said)
            # waits for an answer; the time of waiting costs no processor time
            what, parts = self.line.receive()
            while what != "A":
                self.serve(what, parts)
                what, parts = self.line.receive()
            self._context.set_time_limit(max(0.001, cpu - (time.process_time() - began)))
            host("answer", parts[0])

    def _line_of_error(self, error: BaseException) -> str:
        try:
            return str(error)
        except Exception:  # noqa: BLE001 - not even its text
            return "null"


class TimeUp(Exception):
    pass


def _cause(message: str) -> str:
    if "interrupted" in message:
        return "time"
    if "out of memory" in message or message.startswith("null"):
        return "memory"
    return "crash"


def _no_memory(out: str, took: float) -> bool:
    """The engine's own refusal, seen by the function as an error; as null where there was no room even for that."""
    error = json.loads(out)["error"]
    if error.get("name") == "InternalError" and "out of memory" in error.get("message", ""):
        return True
    return not error.get("name") and error.get("message") == "null" and took > FILLED


main()
