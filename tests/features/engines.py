"""Container engines for tests, and an image of this host's own X programs: no registry is asked for anything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.features.people import Person
from tests.features.waiting import removed, until
from tests.installation import TOP

WITHIN = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LIBRARY = re.compile(r"(/\S+) \(0x")
# as many as may be had where root itself may not raise its limits; runc, since crun refuses hybrid control groups
_CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE_CONF = """
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""

# what a program in the session finds, written to the home; the image has no Python of its own
LOOK = """
import grp, json, os, pwd
status = dict(line.rstrip().split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
mounts = {line.split()[1]: line.split()[3].split(",")[0] for line in open("/proc/mounts")}
seen = {"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "cwd": os.getcwd(), "status": status,
        "environment": dict(os.environ), "mounts": mounts, "first": os.stat("/proc/1").st_uid,
        "name": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
json.dump(seen, open(os.path.expanduser("~/seen.new"), "w"))
os.rename(os.path.expanduser("~/seen.new"), os.path.expanduser("~/seen"))
"""


@dataclass
class Engine:
    """``name`` is the program and the launcher; ``environment`` is what it, and the server that runs it, needs.

    ``image`` holds X programs and a shell; ``bare`` one X program, and nothing else at all.
    """

    name: str
    runtime: Path
    environment: dict[str, str] = field(default_factory=dict)
    person: Person | None = None  # who runs it; None: root
    image = "pct/xprograms:1"
    bare = "pct/bare:1"
    desktop = "pct/desktop:1"  # has no programs: /usr is mounted into it

    def run(self, *arguments: str, given: bytes = b"") -> str:
        who = self.person
        home = {"HOME": str(who.home), "USER": who.name} if who else {}
        done = subprocess.run(
            [self.name, *arguments], input=given, env={"PATH": PATH, **home, **self.environment}, capture_output=True,
            check=False, timeout=WITHIN, cwd="/", user=who.uid if who else None, group=who.gid if who else None,
            extra_groups=[] if who else None,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.decode()

    def import_images(self) -> None:
        self.run(
            "import", "-", self.image, given=rootfs("/usr/bin/xterm", "/usr/bin/xeyes", "/bin/sh", "/usr/bin/sleep")
        )
        self.run("import", "-", self.bare, given=rootfs("/usr/bin/xeyes"))
        self.run("import", "-", self.desktop, given=_without_usr())

    def containers(self) -> list[str]:
        return self.run("ps", "--all", "--format", "{{.Names}}").split()

    def inspect(self, session_id: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.run("inspect", f"portcall-{session_id}"))
        return found[0]

    def pid(self, session_id: str) -> int:
        """Of the container's first process, on this host."""
        return int(self.inspect(session_id)["State"]["Pid"])

    def gone(self, session_id: str) -> None:
        until(lambda: f"portcall-{session_id}" not in self.containers(), f"the container of {session_id} is gone")

    @property
    def options(self) -> dict[str, Any]:
        """What an administrator sets."""
        return {
            "image": self.image, "images": [self.bare, self.desktop, "pct/none:1"], "network": "none",
            "runtime": str(self.runtime),
        }  # fmt: skip


def rootfs(*programs: str) -> bytes:
    """A tar of the programs of this host with their libraries and their loader."""
    files: set[str] = set()
    for program in programs:
        said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        files |= {program, *_LIBRARY.findall(said)}
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in sorted(files):
            tar.add(os.path.realpath(name), name.lstrip("/"))
    return made.getvalue()


def _without_usr() -> bytes:
    """A tar of what an image of this host's system would have beside ``/usr``, for programs that people look at."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("bin", "sbin", "lib", "lib64", "etc/alternatives", "etc/dbus-1", "etc/fonts", "etc/xdg"):
            tar.add(f"/{name}", name)
        tar.add("/etc/machine-id", "etc/machine-id")
    return made.getvalue()


@contextlib.contextmanager
def podman(runtime: Path, driver: str = "overlay") -> Iterator[Engine]:
    """With images and containers of its own."""
    with folder() as place:
        (place / "containers.conf").write_text(_CONTAINERS_CONF)
        (place / "storage.conf").write_text(_STORAGE_CONF.format(driver=driver, folder=place))
        environment = {
            "CONTAINERS_CONF": str(place / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        }  # fmt: skip
        engine = Engine("podman", runtime, environment)
        with _used(engine):
            yield engine


@contextlib.contextmanager
def _used(engine: Engine) -> Iterator[None]:
    """A podman with our images; nothing of either is left."""
    try:
        engine.import_images()
        yield
    finally:
        engine.run("rm", "--all", "--force", "--time=0")
        engine.run("system", "reset", "--force")


@contextlib.contextmanager
def own_podman(runtime: Path, person: Person) -> Iterator[Engine]:
    """The person's, without root, with images in their home."""
    with folder() as place:
        (place / "containers.conf").write_text(_CONTAINERS_CONF)
        environment = {"CONTAINERS_CONF": str(place / "containers.conf")}
        engine = Engine("podman", runtime, environment, person)
        with _used(engine):
            yield engine


@contextlib.contextmanager
def docker(runtime: Path, group: str) -> Iterator[Engine]:
    """A daemon of its own, which touches no network of this host; ``group`` may use it."""
    with folder() as place:
        environment = {"DOCKER_HOST": f"unix://{place}/socket", "DOCKER_CONFIG": str(place / "config")}
        argv = [
            "dockerd", f"--data-root={place}/data", f"--exec-root={place}/exec", f"--pidfile={place}/pid",
            f"--host=unix://{place}/socket", f"--group={group}", "--iptables=false", "--ip6tables=false",
            "--bridge=none", "--default-ulimit=nofile=1024:1024",
        ]  # fmt: skip
        with (place / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as daemon:
            engine = Engine("docker", runtime, environment)
            try:
                until((place / "socket").exists, f"dockerd answers: {place}/log", WITHIN)
                engine.import_images()
                yield engine
                for name in engine.containers():
                    engine.run("rm", "--force", name)
            finally:
                daemon.terminate()  # and what it runs, should a test have left something


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="pct-engine-", dir="/var/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        until(lambda: removed(made), f"nothing writes to {made} any more")  # an engine leaves some to clean up


def make_runtime(place: Path) -> Path:
    subprocess.run([TOP / "scripts/make-runtime", place / "runtime"], check=True, stdout=subprocess.DEVNULL)
    return place / "runtime"
