"""A Grid Engine of one's own: qmaster and execd below one folder, in a network of their own, beside whatever else is.

Needs root, and the packages gridengine-master, gridengine-exec and gridengine-client. It knows hosts by their names
alone, and listens on all addresses: so whoever uses it first goes where the host is called localhost.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psutil

from portcall.testing.daemons import Daemons, until

_PROGRAMS = Path("/usr/lib/gridengine")
_SHARED = Path("/usr/share/gridengine")
_INSTALLED = Path("/var/lib/gridengine")
_NEWUTS, _NEWNET = 0x04000000, 0x40000000  # of unshare(2)
_NAMESPACES = (("uts", _NEWUTS), ("net", _NEWNET))
_ADMIN = "sgeadmin"
_SETTINGS = {  # of the scheduler: it looks at once
    "schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1", "job_load_adjustments": "NONE",
    "load_adjustment_decay_time": "0:0:0", "schedd_job_info": "true",
}  # fmt: skip
_HOST = {
    "hostname": "localhost", "load_scaling": "NONE", "complex_values": "NONE", "user_lists": "NONE",
    "xuser_lists": "NONE", "projects": "NONE", "xprojects": "NONE", "usage_scaling": "NONE",
    "report_variables": "NONE",
}  # fmt: skip
_QUEUE = {
    "hostlist": "localhost", "seq_no": "0", "load_thresholds": "NONE", "suspend_thresholds": "NONE", "nsuspend": "1",
    "suspend_interval": "00:05:00", "priority": "0", "min_cpu_interval": "00:05:00", "processors": "UNDEFINED",
    "qtype": "BATCH", "ckpt_list": "NONE", "pe_list": "NONE", "rerun": "FALSE", "tmpdir": "/tmp",
    "shell": "/bin/sh", "prolog": "NONE", "epilog": "NONE", "shell_start_mode": "posix_compliant",
    "starter_method": "NONE", "suspend_method": "NONE", "resume_method": "NONE", "terminate_method": "NONE",
    "notify": "00:00:60", "owner_list": "NONE", "user_lists": "NONE", "xuser_lists": "NONE",
    "subordinate_list": "NONE", "complex_values": "NONE", "projects": "NONE", "xprojects": "NONE",
    "calendar": "NONE", "initial_state": "default",
    **{f"{kind}_{what}": "INFINITY" for kind in "sh" for what in (
        "rt", "cpu", "fsize", "data", "stack", "core", "rss", "vmem")},
}  # fmt: skip


@contextlib.contextmanager
def host_of_its_own() -> Iterator[None]:
    """The calling thread, and all that it starts, on a host called localhost whose only network is its own loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = [(os.open(f"/proc/thread-self/ns/{name}", os.O_RDONLY), flag) for name, flag in _NAMESPACES]
    try:
        if libc.unshare(_NEWUTS | _NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no namespace could be made")
        socket.sethostname("localhost")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        for descriptor, flag in before:
            libc.setns(descriptor, flag)
            os.close(descriptor)


class GridEngine(Daemons):
    """``environment`` is what its commands need; ``slots`` is how many jobs its queue ``main`` runs at once.

    Ended, with its jobs, and everything removed, by ``close``; processes are ended by their pids.
    """

    def __init__(self, slots: int = 1) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="portcall-gridengine-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self._slots = slots
        super().__init__()
        self.environment = {
            "SGE_ROOT": str(self.folder), "SGE_CELL": "default", "SGE_QMASTER_PORT": "6444", "SGE_EXECD_PORT": "6445",
        }  # fmt: skip

    def start(self) -> Self:
        """Returns when its queue takes jobs."""
        self._lay_out()
        self.start_master()
        self.run("qconf", "-as", "localhost")
        settings = dict(line.split(None, 1) for line in self.run("qconf", "-ssconf").splitlines() if line.strip())
        self._configure("-Msconf", {**settings, **_SETTINGS})
        self._configure("-Ae", _HOST)
        self._configure("-Aq", {"qname": "main", **_QUEUE, "slots": str(self._slots)})
        self._spawn("sge_execd")
        _in_time(self._ready, "the queue", self.said)
        return self

    def start_master(self) -> None:
        self._spawn("sge_qmaster")
        _in_time(lambda: self._answers("qconf", "-sconf"), "qmaster", self.said)

    def stop_master(self) -> None:
        """As a machine that is switched off: nothing answers, jobs run on, and all is known when it comes back."""
        self._stop("sge_qmaster", signal.SIGKILL)

    def run(self, *argv: str) -> str:
        """A command, as root; what it prints."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **self.environment}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout

    def said(self) -> str:
        texts = [*self.folder.glob("*.out"), *self.folder.glob("spool/**/messages")]
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(texts))

    def close(self) -> None:
        if "sge_qmaster" in self._processes:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                if self.run("qstat", "-u", "*"):
                    self.run("qdel", "-u", "*")
                _in_time(lambda: not self.run("qstat", "-u", "*"), "the end of all jobs", within=10.0)
        for one in self._jobs():  # what nobody could end any more
            with contextlib.suppress(psutil.Error):
                one.kill()
        for name in ("sge_execd", "sge_qmaster"):
            self._stop(name, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _jobs(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            if "sge_execd" in self._processes:
                return psutil.Process(self._processes["sge_execd"].pid).children(recursive=True)
        return []

    # its parts

    def _lay_out(self) -> None:
        """A cell with a spool of its own, as the package's own script makes the machine's."""
        for name in ("bin", "lib", "util", "utilbin"):
            (self.folder / name).symlink_to(_INSTALLED / name)
        common, spool = self.folder / "default/common", self.folder / "spool"
        for path in (common, spool / "qmaster/job_scripts", spool / "db", spool / "execd"):
            path.mkdir(parents=True)
        bootstrap = (_SHARED / "default-bootstrap").read_text()
        for theirs, ours in (
            ("/var/spool/gridengine/spooldb", spool / "db"), ("/var/spool/gridengine/qmaster", spool / "qmaster"),
            ("/usr/sbin", _PROGRAMS),
        ):  # fmt: skip
            bootstrap = bootstrap.replace(theirs, str(ours))
        (common / "bootstrap").write_text(bootstrap)
        (common / "act_qmaster").write_text("localhost\n")
        conf, text = self.folder / "configuration", (_SHARED / "default-configuration").read_text()
        text = text.replace("/var/spool/gridengine/execd", str(spool / "execd"))
        # how soon an execd finds a qmaster that has come back
        conf.write_text(text.replace("00:00:40", "00:00:01"))
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, _ADMIN, _ADMIN) if not path.is_symlink() else None
        self._as_admin("spoolinit", "berkeleydb", "libspoolb", str(spool / "db"), "init")
        self._as_admin("spooldefaults", "configuration", str(conf))
        self._as_admin("spooldefaults", "complexes", str(_SHARED / "util/resources/centry"))
        self._as_admin("spooldefaults", "usersets", str(_SHARED / "util/resources/usersets"))
        for manager in (_ADMIN, "root"):
            self._as_admin("spooldefaults", "managers", manager)

    def _as_admin(self, program: str, *arguments: str) -> None:
        admin = pwd.getpwnam(_ADMIN)
        subprocess.run(
            [_PROGRAMS / program, *arguments], env={"PATH": "/usr/bin:/bin", **self.environment}, check=True,
            capture_output=True, cwd="/", user=admin.pw_uid, group=admin.pw_gid, extra_groups=[],
        )  # fmt: skip

    def _configure(self, how: str, values: dict[str, str]) -> None:
        path = self.folder / "wanted"
        path.write_text("".join(f"{name} {value}\n" for name, value in values.items()))
        self.run("qconf", how, str(path))

    def _ready(self) -> bool:
        return "main" in (listed := self.run("qstat", "-f")) and " au" not in listed and " -NA-" not in listed

    def _answers(self, *argv: str) -> bool:
        with contextlib.suppress(AssertionError):
            return bool(self.run(*argv))
        return False

    def _spawn(self, program: str) -> None:
        with (self.folder / f"{program}.out").open("ab") as output:
            self._processes[program] = subprocess.Popen(
                [_PROGRAMS / program], env={"PATH": "/usr/bin:/bin", "SGE_ND": "true", **self.environment}, cwd="/",
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip


_in_time = functools.partial(until, within=90.0)
