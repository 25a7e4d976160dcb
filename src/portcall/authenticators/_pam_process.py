"""The process that talks to PAM for one login: requests and answers are JSON lines on its standard streams.

In: ``{"service", "user", "address"}``; out: any number of ``{"messages": [[style, text], …]}``, each answered by
``{"answers": [text or null, …]}``; out, last: ``{"code", "step", "user", "text"}``. No secret is in argv.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

from portcall import libpam

_PR_SET_PDEATHSIG = 1


def main() -> int:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what modules print is no part of the conversation
    lines = sys.stdin

    def tell(document: dict[str, Any]) -> None:
        out.write(json.dumps(document) + "\n")
        out.flush()

    def converse(messages: list[libpam.Message]) -> list[str | None]:
        tell({"messages": messages})
        answers: list[str | None] = json.loads(lines.readline())["answers"]
        if len(answers) != len(messages):
            raise ValueError("as many answers as messages")
        return answers

    order = json.loads(lines.readline())
    step, user = "start", order["user"]
    try:
        transaction = libpam.Transaction(order["service"], user, converse)
        transaction.set_item(libpam.TTY, "portcall")
        if order["address"]:
            transaction.set_item(libpam.RHOST, order["address"])
        step = "authenticate"
        transaction.authenticate()
        step = "account"
        transaction.check_account()
        user = transaction.user()
        transaction.end()
    except libpam.PamError as error:
        tell({"code": error.code, "step": step, "user": user, "text": str(error)})
        return 1
    tell({"code": libpam.SUCCESS, "step": step, "user": user, "text": ""})
    return 0


if __name__ == "__main__":
    sys.exit(main())
