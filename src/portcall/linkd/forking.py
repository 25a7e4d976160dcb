"""Forks session daemons from the link: no exec, so that what the link has loaded is shared by all of them."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import Any, Callable

from portcall.errors import StartFailed
from portcall.model import codec
from portcall.model.session import Session
from portcall.model.start import StartOrder
from portcall.sessiond import display, environment
from portcall.sessiond.begin import become_daemon, own_account
from portcall.wire import messages


def load() -> None:
    """Everything that a session daemon will need, loaded and used once, before the first fork."""
    with contextlib.suppress(StartFailed):  # a start will say that there is none
        display.find("xvnc")
    environment.login(own_account())
    order = StartOrder("a", "", "", "", "64x64", "desktop")
    session = Session("a", "", "", "", "")
    for value in (order, session):
        codec.from_document(type(value), codec.to_document(value))
    for message in (
        messages.SessionHello(1, 1, {}, ""), messages.Welcome(""), messages.Watched(0.0), messages.OpenDisplay(1),
        messages.SessionReport(""), messages.DisplayOpened(""), messages.SessionEnded("", ""),
        messages.EndSession(1, ""), messages.StartSession(1, {}), messages.Reply(1),
    ):  # fmt: skip
        messages.from_wire(messages.to_wire(message))
    gc.collect()
    gc.freeze()


def fork(run: Callable[[], Any], keep: list[int]) -> int:
    """The pid of a child that runs ``run`` and ends; StartFailed where none can be made (a limit of the user's).

    Frozen objects are not touched by its collector, so they are not copied.
    """
    gc.collect()
    gc.freeze()
    try:
        pid = os.fork()
    except OSError as error:
        raise StartFailed(f"no process can be made for you: {error.strerror}") from error
    if pid == 0:
        code = 70
        try:
            become_daemon(keep)
            run()
            code = 0
        finally:
            os._exit(code)
    return pid
