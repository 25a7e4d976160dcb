"""A user's limits: a link that may make no process says so, and goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from portcall import userside
from portcall.errors import StartFailed
from portcall.model import codec
from portcall.wire import messages
from tests.accounts import Account
from tests.fixtures.ground import Ground, until

pytestmark = [pytest.mark.serial, pytest.mark.root]


def test_no_process_for_the_user_refuses_the_start_in_words(ground: Ground, new_account: Callable[[], Account]) -> None:
    account = new_account()
    os.chmod(ground.folder, 0o755)
    os.chmod(ground.server.path, 0o666)
    base = f"/tmp/portcall-{account.uid}"
    root = userside.install(ground.home / "lib")
    link_program = f"{root}/libexec/portcall-link --socket {ground.server.path} --directory {base}"
    done = account.run("bash", "-c", f"ulimit -u 4; exec {link_program}")
    assert done.returncode == 0, done.stderr
    link = ground.server.link()
    order = ground.order("true")
    ground.ids.clear()
    with contextlib.ExitStack() as stack:
        for _ in range(4):  # which are all that it may have
            one = stack.enter_context(subprocess.Popen(["sleep", "1000"], user=account.uid))
            stack.callback(one.kill)
        with pytest.raises(StartFailed, match="no process can be made for you"):
            link.ask(lambda seq: messages.StartSession(seq, codec.to_document(order)))
        assert os.listdir(f"{base}/sessions") == []
        assert link.ask(messages.Adopt)[0] == {"sessions": []}
    # room for the session's own process, none for a display: the session says so
    link.ask(lambda seq: messages.StartSession(seq, codec.to_document(order)))
    ended = ground.server.ended(order.id)
    assert ended.failed
    until(lambda: os.listdir(f"{base}/sessions") == [])
    os.kill(link.hello.pid, signal.SIGTERM)
    until(lambda: link.closed)
