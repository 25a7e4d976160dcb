"""A Slurm of one's own: munged, slurmctld and slurmd below one folder, on loopback, beside whatever else there is.

Needs root, and the packages slurm-wlm and munge. Nothing of the system's configuration is read or changed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from portcall.testing.daemons import Daemons, until
from portcall.testing.ports import free_port

_CONFIG = """\
ClusterName=portcall
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PriorityType=priority/basic
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_min_interval=1000,sched_interval=1,bf_interval=2
MinJobAge=300
KillWait=2
ReturnToService=2
MessageTimeout=10
JobRequeue=0
MpiDefault=none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={node} CPUs={cores} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES DefaultTime=60 MaxTime=1-00:00:00 State=UP OverSubscribe=NO
PartitionName=other Nodes=n1 MaxTime=60 State=UP
{more}
"""


class Slurm(Daemons):
    """``environment`` is what its commands need. ``cores`` is how many jobs run at once; ``more`` lines of slurm.conf.

    Stopped, and everything removed, by ``close``; processes are ended by their pids.
    """

    def __init__(self, cores: int = 4, more: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="portcall-slurm-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        super().__init__()
        (self.folder / "state").mkdir()
        (self.folder / "slurm.conf").write_text(_CONFIG.format(
            host=socket.gethostname().partition(".")[0], folder=self.folder, cores=cores, controller=free_port(),
            node=free_port(), more=more,
        ))  # fmt: skip
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        munge = pwd.getpwnam("munge")
        self._munge = (munge.pw_uid, munge.pw_gid)
        (self.folder / "munge").mkdir()
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        for path in (key.parent, key):
            os.chown(path, *self._munge)
        key.chmod(0o400)

    def start(self) -> Self:
        """Returns when its node takes jobs."""
        place = self.folder / "munge"
        files = [f"--{name}-file={place / name}" for name in ("key", "pid", "log", "seed")]
        self._spawn("munged", "--foreground", f"--socket={place}/socket", *files, user=self._munge)
        until(lambda: (place / "socket").exists(), "munged")
        self.start_controller()
        self._spawn("slurmd", "-D", "-N", "n1")
        until(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%t").stdout, "the node", self.said)
        return self

    def start_controller(self) -> None:
        self._spawn("slurmctld", "-D")
        until(lambda: "UP" in self.run("scontrol", "ping").stdout, "slurmctld", self.said)

    def stop_controller(self) -> None:
        """As a machine that is switched off: nothing answers, and what it knew is there when it comes back."""
        self._stop("slurmctld")

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A command, as whoever we are."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)

    def said(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        if "slurmctld" in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.run("scancel", "--state=PENDING", "--partition=main")
                self.run("scancel", "--state=PENDING", "--partition=other")
                self.run("scancel", "--signal=KILL", "--full", "--state=RUNNING", "--partition=main")
                self.run("scancel", "--signal=KILL", "--full", "--state=RUNNING", "--partition=other")
        for name in ("slurmd", "slurmctld", "munged"):
            self._stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, program: str, *arguments: str, user: tuple[int, int] | None = None) -> None:
        options = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        with (self.folder / f"{program}.out").open("ab") as output:
            self._processes[program] = subprocess.Popen(
                [program, *arguments], env={**os.environ, **self.environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options,  # type: ignore[call-overload]
            )  # fmt: skip
