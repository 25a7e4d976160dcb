"""A session daemon without a display, as ``source.py`` is, that calls the server over the network: a weblink.

``python -m bench.far_source SERVER_URL DISPLAY_SOCKET ID`` with its token on stdin. The way is the real one: uplink,
dials and relay are the user side's own.
"""

from __future__ import annotations

import os
import pwd
import socket
import sys
import time
from typing import Any

from portcall.model import codec, lifecycle
from portcall.model.session import Session
from portcall.sessiond import dialling
from portcall.sessiond.connection import Connection
from portcall.sessiond.loop import Loop
from portcall.sessiond.uplink import Uplink
from portcall.sessiond.weblink import Weblink
from portcall.wire import messages


class FarSource:
    """One session: its connection to the server, and the calls for its viewers."""

    def __init__(self, loop: Loop, weblink: Weblink, display: str) -> None:
        self._loop, self._weblink, self._display = loop, weblink, display
        self._uplink = Uplink(loop, weblink.sockets, self._hello, self._message, lambda _: None, weblink=weblink)
        self._uplink.dial()

    def _hello(self) -> messages.SessionHello:
        user = pwd.getpwuid(os.getuid()).pw_name
        record = Session(
            self._weblink.session_id, "", user, user, "bench", lifecycle.RUNNING, socket.gethostname(), ":0",
            "1920x1080", created=time.time(), started=time.time(), origin="hand",
        )  # fmt: skip
        return messages.SessionHello(messages.VERSION, os.getpid(), codec.to_document(record), lifecycle.RUNNING)

    def _message(self, connection: Connection, message: Any, _descriptors: list[int]) -> None:
        if isinstance(message, messages.EndSession):
            self._loop.stop()
        if isinstance(message, messages.OpenDisplay):
            shown = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            shown.connect(self._display)
            dialling.display(
                self._loop, self._weblink, message.token, shown, lambda *_: self._answer(connection, message.seq)
            )
        elif hasattr(message, "seq"):
            self._answer(connection, message.seq)

    def _answer(self, connection: Connection, seq: int) -> None:
        connection.channel.reply(seq)
        connection.flush()


def main() -> None:
    url, display, session_id = sys.argv[1:]
    weblink = Weblink(url, "/weblink", sys.stdin.readline().strip(), os.urandom(24).hex(), session_id)
    loop = Loop()
    FarSource(loop, weblink, display)
    print("ready", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
