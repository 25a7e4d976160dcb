"""The poll loop: timers in order, children reaped, signals heard, asleep otherwise. In a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

_PROGRAM = """
import os, signal, sys, time
from portcall.sessiond.loop import Loop, READ
loop, said = Loop(), []
{body}
loop.after(10, loop.stop)
loop.run()
print(" ".join(map(str, said)))
"""


def _run(body: str) -> str:
    code = _PROGRAM.format(body=body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_timers_come_in_order_and_a_cancelled_one_not() -> None:
    body = """
loop.after(0.02, lambda: (said.append(2), loop.stop()))
loop.after(0.01, lambda: said.append(1))
loop.after(0.005, lambda: said.append("no")).cancel()
"""
    assert _run(body) == "1 2"


def test_children_are_reaped_with_their_codes_also_those_nobody_asked_about() -> None:
    body = """
import subprocess
def child(code):
    pid = os.fork()
    if not pid:
        os._exit(code)
    return pid
child(1)
loop.child(child(7), lambda code: said.append(code))
pid = os.fork()
if not pid:
    time.sleep(100)
loop.child(pid, lambda code: (said.append(code), loop.stop()))
loop.after(0.05, lambda: os.kill(pid, 9))
"""
    assert _run(body) == "7 -9"


def test_signals_and_descriptors_are_heard() -> None:
    body = """
read, write = os.pipe()
loop.watch(read, READ, lambda _: (said.append(os.read(read, 9).decode()), loop.forget(read), os.kill(os.getpid(), 15)))
loop.on_signal(signal.SIGTERM, lambda: (said.append("term"), loop.stop()))
os.write(write, b"data")
"""
    assert _run(body) == "data term"


def test_it_sleeps_while_nothing_happens() -> None:
    body = "loop = Loop(); print(flush=True); loop.after(60, loop.stop); loop.run()"
    code = f"from portcall.sessiond.loop import Loop; {body}"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        before = _switches(process.pid)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            os.sched_yield()
        assert _switches(process.pid) - before <= 1
        process.send_signal(signal.SIGKILL)


def _switches(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


def test_it_is_told_when_a_file_of_that_name_appears_and_of_no_other() -> None:
    body = """
import tempfile
from portcall.sessiond.appearing import Appearing
folder = tempfile.mkdtemp()
appearing = Appearing(loop, folder, "rfb", lambda: (said.append(os.path.exists(folder + "/rfb")), loop.stop()))
said.append(appearing.works)
open(folder + "/rfb2", "w").close()
loop.after(0.01, lambda: (said.append("now"), open(folder + "/rfb", "w").close()))
"""
    assert _run(body) == "True now True"
