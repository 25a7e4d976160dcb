"""500 sessions submitted in a minute, while the server is killed three times: ``make bench-pending``."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from bench import place, report
from bench.place import Place
from bench.slurm import with_slurm
from bench.waiting import rest, until

TARGETS = {"lost": 0.5, "doubled": 0.5}
_CLIENTS = 12


class Person:
    """Submits, and again with the same key until there is an answer: as the page and the command line do."""

    def __init__(self, server: Place) -> None:
        self._server = server
        self.answered: dict[str, str] = {}  # key → session
        self.repeated = 0
        self.refused: Counter[str] = Counter()

    def submit(self, key: str) -> None:
        headers = {"Authorization": f"Bearer {self._server.token}", "Accept": "application/json"}
        body = {"command": "sleep infinity", "geometry": "800x600", "key": key}
        url = f"http://{place.HOST}:{self._server.port}/api/sessions"
        while True:
            try:
                answer = httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False)
                if answer.is_success:
                    self.answered[key] = answer.json()["result"]["id"]
                    return
                self.refused[answer.json().get("code", "?")] += 1
            except httpx.TransportError:
                pass
            self.repeated += 1
            rest(0.5)


def jobs() -> Counter[str]:
    """Name → how many jobs of that name there ever were."""
    command = ["squeue", "--noheader", "--states=all", "--format=%j"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return Counter(line for line in said.split() if line.startswith("portcall-"))


def killed(server: Place, after: list[float], began: float) -> None:
    for moment in after:
        rest(max(0.0, began + moment - time.monotonic()))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.process = subprocess.Popen(
            server.argv, env=server.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def measure(options: argparse.Namespace) -> None:
    print(report.machine())
    count, seconds, kills = (40, 12.0, [3.0, 6.0, 9.0]) if options.quick else (500, 60.0, [12.0, 27.5, 43.0])
    # something that all others wait for
    subprocess.run(
        ["sbatch", "--output=/dev/null", "--chdir=/tmp", "--wrap=sleep 3600"], check=True, capture_output=True
    )
    with socket.socket() as sock:
        sock.bind((place.HOST, 0))
        port = sock.getsockname()[1]
    with place.opened({"launcher": "slurm", "port": port}) as server:
        person, began = Person(server), time.monotonic()
        killing = threading.Thread(target=killed, args=(server, kills, began))
        killing.start()
        with ThreadPoolExecutor(_CLIENTS) as clients:
            for number in range(count):
                rest(max(0.0, began + number * seconds / count - time.monotonic()))
                clients.submit(person.submit, f"key-{number}")
        took = time.monotonic() - began
        killing.join()

        def rows() -> list[dict[str, object]]:
            try:
                return list(server.call("GET", "/sessions")["sessions"])
            except httpx.TransportError:
                return []

        def known() -> bool:
            found = rows()
            return len(found) >= count and all(row["job"] and row["job"]["id"] for row in found)  # type: ignore[index]

        try:
            until(known, "the job of every session", 180, 1)
        finally:
            listed, submitted = rows(), jobs()
            without = [row["id"] for row in listed if not (row["job"] and row["job"]["id"])]  # type: ignore[index]
            names = {f"portcall-{row['id']}" for row in listed}
            report.title(f"{count} sessions submitted, the server killed {len(kills)} times meanwhile")
            report.table(("", ""), [
                ("seconds until all were answered", f"{took:.1f}"), ("requests repeated", person.repeated),
                ("refused, by code", dict(person.refused) or "none"), ("sessions listed", len(listed)),
                ("of them without a job", len(without)), ("jobs in the queue", submitted.total()),
                ("jobs of no session", sum(number for name, number in submitted.items() if name not in names)),
            ])  # fmt: skip
        ids = {row["job"]["id"] for row in listed if row["job"]}  # type: ignore[index]
        lost = count - len({session for session in person.answered.values() if f"portcall-{session}" in submitted})
        doubled = submitted.total() - len(submitted) + max(0, len(listed) - count) + len(submitted.keys() - names)
        subprocess.run(["scancel", "--me"], check=True, env=os.environ, timeout=120)
        report.finish({"lost": float(lost + count - len(ids)), "doubled": float(doubled)}, TARGETS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sessions: shows that it works, proves nothing")
    chosen = parser.parse_args()
    with_slurm(lambda: measure(chosen))
