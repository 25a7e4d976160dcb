"""Serving: sockets, TLS, uvicorn, signals, and telling the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import gc
import os
import pwd
import signal
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop

from portcall.errors import PortcallError, SettingRefused
from portcall.gateway.http import HttpProtocol
from portcall.gateway.stream import ViewerStream
from portcall.gateway.tls import TlsListener
from portcall.gateway.weblink import Call
from portcall.model.ids import is_session_id
from portcall.web import app as web_app
from portcall.web import certificate, weblink
from portcall.web.edge import Edge, Proxies, without_prefix

log = structlog.get_logger("server")
_M_MMAP_THRESHOLD = -3  # malloc.h
_MAPPED = 245_760  # bytes


class ServerRuns(PortcallError):
    code, status, title = "server-runs", 409, "A server runs already."


def run(here: Any) -> int:
    """Until SIGTERM or SIGINT. Sessions do not notice that it ends."""
    config = here.config
    with _only_one(config.directories.runtime):
        return uvloop.run(_serve(here))


async def _serve(here: Any) -> int:
    config = here.config
    tls = _tls(config)
    app = web_app.create(here)
    prefix = _prefix(str(config["url_prefix"]))
    proxies = Proxies(str(config["trusted_proxies"]))
    listening = _listen(config)
    here.url = here.weblink_url = _url(config, listening, tls is not None, prefix)
    here.weblink_fingerprint = weblink.fingerprint(config)
    here.weblink_uri = weblink.uri(here.site_settings)
    own_listener = weblink.listen(config, here.site_settings)
    if own_listener is not None:
        here.weblink_url = _url(config, own_listener, tls is not None, "", public=False)
    await here.open()
    protocol = type("Protocol", (HttpProtocol,), {"dispatch": staticmethod(_dispatch(here, prefix, proxies))})
    settings = uvicorn.Config(
        Edge(app, prefix, proxies, tls is not None),
        http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=5, backlog=2048,
    )  # fmt: skip
    settings.load()
    server = _Server(settings, app.state.stopping, here.reload)
    loop = asyncio.get_running_loop()

    def made() -> asyncio.Protocol:
        return protocol(settings, server.server_state, {})  # type: ignore[no-any-return]

    alone = type("Weblinks", (HttpProtocol,), {"dispatch": staticmethod(_dispatch_weblinks(here, prefix, proxies))})
    nothing_else = uvicorn.Config(
        weblink.nothing_else, http=alone, ws="none", lifespan="off", log_config=None, access_log=False
    )
    nothing_else.load()

    def made_alone() -> asyncio.Protocol:
        return alone(nothing_else, server.server_state, {})  # type: ignore[no-any-return]

    async def listening_on(sock: socket.socket, make: Any) -> Any:
        return TlsListener(sock, tls, make) if tls else await loop.create_server(make, sock=sock)

    api = _unix(config.directories.runtime / "api.sock")
    try:
        servers = [
            await listening_on(listening, made),
            *([await listening_on(own_listener, made_alone)] if own_listener is not None else []),
            await loop.create_unix_server(made, sock=api),
        ]
        here.apply_settings()
        _map_large_blocks()
        # what is loaded now stays: a full collection would go through all of it, for some 60 ms, every few starts
        gc.collect()
        gc.freeze()
        _tell(config, here)
        await server.until_stopped(servers)
    finally:
        await here.close()
        with contextlib.suppress(FileNotFoundError):
            (config.directories.runtime / "api.sock").unlink()
    return 0


def _map_large_blocks() -> None:
    """Blocks of this size and more get pages of their own, and only those that are touched.

    Reads are given that much room and seldom fill it; from the heap it would be pages dirtied before, and stay.
    """
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MAPPED)


class _Server(uvicorn.Server):
    """uvicorn's main loop over listeners of ours, and our signals."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, reload: Any) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._reload = reload

    async def until_stopped(self, servers: list[Any]) -> None:
        loop = asyncio.get_running_loop()
        self.servers = servers
        self.started = True
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        notify("READY=1")
        await self.main_loop()
        notify("STOPPING=1")
        for server in servers:
            server.close()
        await self._drain()

    def _stop(self) -> None:
        self._stopping.set()  # event streams end, or nothing else would
        self.force_exit = self.should_exit
        self.should_exit = True

    async def _drain(self) -> None:
        """Requests under way are answered, for a few seconds."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.tasks and not self.force_exit:
                    await asyncio.wait(self.server_state.tasks, timeout=0.1)


def _dispatch(here: Any, prefix: str, proxies: Proxies) -> Any:
    weblinks = _dispatch_weblinks(here, prefix, proxies)

    def dispatch(path: str, headers: dict[bytes, bytes], peer: str) -> ViewerStream | Call | None:
        parts = without_prefix(path, prefix).split("/")
        if len(parts) != 3 or parts[1] != "view" or not is_session_id(parts[2]):
            return weblinks(path, headers, peer)
        address = _address(proxies, headers, peer)
        stream = ViewerStream(here.viewers, parts[2], address)
        here.viewers.remember(stream)
        return stream

    return dispatch


def _dispatch_weblinks(here: Any, prefix: str, proxies: Proxies) -> Callable[..., Call | None]:
    return lambda path, headers, peer: weblink.call(
        here, without_prefix(path, prefix), headers, _address(proxies, headers, peer)
    )


def _address(proxies: Proxies, headers: dict[bytes, bytes], peer: str) -> str:
    if proxies.trusts(peer):
        return proxies.client(peer, headers.get(b"x-forwarded-for", b"").decode("latin-1"))
    return peer


def _prefix(text: str) -> str:
    text = text.strip("/")
    return f"/{text}" if text else ""


def make_directories(config: Any) -> None:
    """Make what is missing; refuse what others could write to. Before anything else makes a file in them."""
    places = config.directories
    os.umask(0o022)
    try:
        for path, mode in ((places.config, 0o755), (places.var, 0o700), (places.local, 0o700)):
            path.mkdir(parents=True, exist_ok=True, mode=mode)
        mode = 0o700 if config.one_person else 0o755
        with contextlib.suppress(FileExistsError):
            places.runtime.mkdir(parents=True, mode=mode)
        found = os.lstat(places.runtime)
    except OSError as error:
        raise SettingRefused(f"{error.filename}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        raise SettingRefused(
            f"{places.runtime} belongs to somebody else or can be written by others. Remove it, or set runtime_dir.",
            field="runtime_dir",
        )


@contextlib.contextmanager
def _only_one(runtime: Path) -> Any:
    """One server for each runtime directory; the lock goes with the process."""
    descriptor = os.open(runtime / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ServerRuns(
            f"A server runs already in {runtime}. `portcall server status` tells more; another one needs --runtime-dir."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _listen(config: Any) -> socket.socket:
    """One person's server takes any free port where the usual one is taken; a service says so and ends."""
    host, port = str(config["host"]), int(config["port"])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    free_choice = config.one_person and "port" not in config.fixed
    for candidate in [port, 0] if free_choice else [port]:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(2048)
            sock.setblocking(False)
            return sock
        except OSError as error:
            sock.close()
            if candidate == 0 or error.errno != errno.EADDRINUSE or not free_choice:
                field = "port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "host"
                raise SettingRefused(
                    f"{host}:{candidate}: {error.strerror}. Set another {field}.", field=field
                ) from error
    raise AssertionError("the last candidate returns or raises")


def _unix(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    path.chmod(0o666)  # any local user: who it is, is the kernel's word
    sock.listen(256)
    sock.setblocking(False)
    return sock


def _tls(config: Any) -> ssl.SSLContext | None:
    if config["tls"] == "off":
        return None
    if config["tls"] == "auto":
        cert, key = certificate.own(config.directories.local)
    else:
        for name in ("tls_cert", "tls_key"):
            if not config[name]:
                raise SettingRefused(f"tls = files needs tls_cert and tls_key, and {name} is not set", field=name)
        cert, key = Path(str(config["tls_cert"])), Path(str(config["tls_key"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 1  # two cost a tenth of a handshake more, and every resumption brings another
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingRefused(
            f"the certificate {cert} with key {key} cannot be used: {error}", field="tls_cert"
        ) from error
    return context


def _url(config: Any, listening: socket.socket, secure: bool, prefix: str, public: bool = True) -> str:
    if public and config["public_url"]:
        return str(config["public_url"]).rstrip("/")
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}{prefix}"


def _tell(config: Any, here: Any) -> None:
    """The link that lets in, or where it listens."""
    if not config.one_person:
        log.info("serving", url=here.url, server=config.server_id)
        return
    link = f"{here.url}/#token={here.logins.one_person_token()}"
    print(f"\n  Portcall is ready. Open this link, once:\n\n    {link}\n", flush=True)
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        port = here.url.rsplit(":", 1)[-1].split("/")[0]
        print(
            "  From another machine, make a tunnel first:\n\n"
            f"    ssh -L {port}:127.0.0.1:{port} {_me()}@{socket.gethostname()}\n\n"
            "  A new link: portcall server link. Ctrl-C ends the server; sessions go on.\n",
            flush=True,
        )


def _me() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def notify(state: str) -> None:
    """sd_notify(3), where a service manager listens."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        sock.sendall(state.encode())
