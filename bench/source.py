"""A session daemon without a display: gives the server descriptors connected to a unix socket of the bench's choice.

``python -m bench.source SERVER_SOCKET DISPLAY_SOCKET ID…``: one session for each id, which the server knows as started
by hand; a viewer's way to it is the way to any other session.
"""

from __future__ import annotations

import os
import pwd
import selectors
import socket
import sys
import time
from dataclasses import dataclass

from portcall.model import codec, lifecycle
from portcall.model.session import Session
from portcall.wire import messages
from portcall.wire.channel import Channel


@dataclass
class Posing:
    """One session: its connection to the server."""

    sock: socket.socket
    channel: Channel
    display: str

    def flush(self) -> None:
        for data, descriptors in self.channel.outgoing():
            sent = socket.send_fds(self.sock, [data], descriptors) if descriptors else 0
            self.sock.sendall(data[sent:])
            for descriptor in descriptors:
                os.close(descriptor)

    def open(self) -> int:
        display = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        display.connect(self.display)
        return display.detach()

    def readable(self) -> bool:
        """False when it is over."""
        data = self.sock.recv(262_144)
        for message, _ in self.channel.feed(data):
            if isinstance(message, messages.OpenDisplay):
                self.channel.reply(message.seq, {}, [self.open() for _ in range(message.count)])
            elif isinstance(message, messages.EndSession):
                return False
            elif hasattr(message, "seq"):
                self.channel.reply(message.seq)
        self.flush()
        return bool(data)


def pose(server: str, display: str, session_id: str) -> Posing:
    user = pwd.getpwuid(os.getuid()).pw_name
    record = Session(
        session_id, "", user, user, "bench", lifecycle.RUNNING, socket.gethostname(), ":0", "1920x1080",
        created=time.time(), started=time.time(), origin="hand",
    )  # fmt: skip
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(server)
    posing = Posing(sock, Channel(), display)
    posing.channel.send(
        messages.SessionHello(messages.VERSION, os.getpid(), codec.to_document(record), lifecycle.RUNNING)
    )
    posing.flush()
    return posing


def main() -> None:
    server, display, *ids = sys.argv[1:]
    waiting = selectors.DefaultSelector()
    for session_id in ids:
        posing = pose(server, display, session_id)
        waiting.register(posing.sock, selectors.EVENT_READ, posing)
    print("ready", flush=True)
    while waiting.get_map():
        for key, _ in waiting.select():
            if not key.data.readable():
                waiting.unregister(key.fileobj)
                key.data.sock.close()


if __name__ == "__main__":
    main()
