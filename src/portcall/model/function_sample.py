"""Made-up inputs for every kind of function, to try one on and to show what it is given."""

from __future__ import annotations

from typing import Any, Dict, List

from portcall.model.function import Kind

_NOW = 1_790_000_000.0
_GIB = 1024**3


def sample(kind: Kind) -> Dict[str, Any]:
    """Every field of the kind's input, and no other."""
    user = {
        "sub": "alice", "iss": "node1", "iat": _NOW - 600, "exp": _NOW + 36000, "aud": "web", "jti": "b3f1",
        "login": "alice", "serverId": "node1", "sessions": [_session()],
    }  # fmt: skip
    start = {
        "command": "xterm -ls", "geometry": "1280x800", "name": "My Shiny Xterm",
        "params": {"myCustomInput": "hello", "minRam": 1}, "profile": "default", "keyboardLayout": "us",
    }  # fmt: skip
    everything: Dict[str, Any] = {
        "action": kind.actions[0] if kind.actions else "", "user": user, "login": user, "data": start, "start": start,
        "userGroups": ["alice", "users"], "isManager": False, "isAdmin": False, "admin": False,
        "local": {"serverId": "node1"}, "servers": servers(),
        "forms": [{"id": "ram", "name": "Memory", "data": {}, "html": '<input type="text" name="myCustomInput">'}],
        "session": _session(), "name": "example", "previous": None,
    }  # fmt: skip
    if kind.name == "login-balance":
        everything["user"] = {"login": "alice", "serverId": "", "sessions": []}
        everything["data"] = {}
    if kind.name == "event":
        everything["data"] = {"id": _session()["id"]}
    return {name: everything[name] for name in kind.names}


def servers() -> List[Dict[str, Any]]:
    """Three, one with a GPU."""
    return [_server(number, sessions, free, gpu) for number, sessions, free, gpu in
            ((1, 4, 3, False), (2, 1, 12, False), (3, 7, 48, True))]  # fmt: skip


def _server(number: int, sessions: int, free: int, gpu: bool) -> Dict[str, Any]:
    return {
        "serverId": f"node{number}", "hostname": f"node{number}.example.org",
        "urls": [f"https://node{number}.example.org:3300"], "sessions": sessions, "pending": 0,
        "uniqueSessionUsers": sessions, "logins": 2, "uniqueLogins": 2, "loggedInUsers": ["alice", "bob"][: number % 3],
        "uptime": 86400.0, "cpu": 12.5, "loadavg": [0.5, 0.4, 0.3], "cpus": 16, "totalmem": 64 * _GIB,
        "freemem": free * _GIB, "version": "0.1.0", "staticData": {"gpu": True} if gpu else {}, "metrics": {},
        "external": False, "reservations": False, "reserved": False, "loginsEnabled": True, "startsEnabled": True,
        "draining": False, "updated": _NOW, "lastPlaced": 0.0,
    }  # fmt: skip


def _session() -> Dict[str, Any]:
    return {
        "id": "f3a1c2d4e5b6978812345678", "serverId": "node1", "login": "alice", "user": "alice",
        "hostname": "node1.example.org", "display": ":5", "geometry": "1280x800", "windowMode": "desktop",
        "command": "xterm", "name": "xterm", "params": {}, "profile": "default", "state": "running",
        "started": _NOW - 300, "lastConnect": _NOW - 200, "lastDisconnect": None, "clients": 1, "launcher": "direct",
        "job": None, "cpuPercentage": 0.3, "memory": 50_000_000,
    }  # fmt: skip
