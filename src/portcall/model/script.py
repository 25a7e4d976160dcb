"""What a site's launcher script is given, and what its answer means: stdin and environment of S1's "Script Input"."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional

from portcall.errors import StartFailed
from portcall.model import codec
from portcall.model.launch import Host
from portcall.model.shown import shown
from portcall.model.start import ORDER_VARIABLE, Output, StartOrder, start_object

RUNTIME_VARIABLE = "PORTCALL_RUNTIME_DIR"  # which server a start script calls, where there are several
_LONGEST_VARIABLE = 120_000  # bytes; Linux takes 128 KiB for one, and refuses the whole command above
# as a link, the service and a kernel say that a file could not be run at all
_UNSTARTED = re.compile(r"no such|permission denied|exec format error|may not be run|not a directory", re.IGNORECASE)
_TIMED_OUT, _LATE = 124, re.compile(r"the time limit of \S+ s was reached\Z")  # a script may end with 124 by itself
_FINGERPRINT = "WEBLINK_FINGERPRINT"  # what scripts do not know to pass on


def script_input(order: StartOrder, host: Host) -> Dict[str, Any]:
    """The object on stdin. ``weblink`` is there only with ``WEBLINK_PORT``, ``options`` only where some were chosen."""
    account = host.account
    document: Dict[str, Any] = {
        "socketFile": host.socket_file, "rootDir": host.root_dir, "varDir": host.var_dir, "configDir": host.config_dir,
        "localDir": host.local_dir, "tmpDir": host.tmp_dir, "uid": account.uid, "gid": account.gid,
        "homedir": account.home, "shell": account.shell, "login": order.login,
        "defaultStartScript": host.start_script, "start": start_object(order),
    }  # fmt: skip
    if host.weblink is not None and host.settings.get("WEBLINK_PORT"):
        link = host.weblink
        document["weblink"] = {
            "logLevel": link.log_level, "url": link.url, "uri": link.uri, "primary": link.primary, "login": link.login,
        }  # fmt: skip
    if order.options:
        document["options"] = dict(order.options)
    return document


def script_stdin(document: Dict[str, Any]) -> str:
    """In ASCII: it is the same whatever locale the script reads it in."""
    return json.dumps(codec.to_document(document)) + "\n"


def script_environment(order: StartOrder, host: Host) -> Dict[str, str]:
    """Beside that of who runs it. ``import _fastx`` works in it, and a start script becomes this session, whether it is
    given the start object or not."""
    environment = {
        "PYTHONPATH": f"{host.root_dir}/scripts", RUNTIME_VARIABLE: host.runtime_dir, "FX_ROOT_DIR": host.root_dir,
        "FX_CONFIG_DIR": host.config_dir, "FX_VAR_DIR": host.var_dir, "FX_LOCAL_DIR": host.local_dir,
        "FX_TEMP_DIR": host.tmp_dir,
    }  # fmt: skip
    if host.weblink is not None and host.weblink.fingerprint:
        environment[_FINGERPRINT] = host.weblink.fingerprint
    ordered = json.dumps(start_object(order))
    if len(ordered) < _LONGEST_VARIABLE:
        environment[ORDER_VARIABLE] = ordered
    return environment


def answer(output: Output) -> Optional[Dict[str, Any]]:
    """The JSON object that it printed, if that is all it printed."""
    try:
        document = json.loads(output.stdout)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def late(output: Output, limit: str) -> str:
    """What was printed, where its time limit was reached; ``limit`` says where that is set."""
    text = shown(output)
    return f"{text} ({limit})" if output.code == _TIMED_OUT and _LATE.search(text) else text


def failed(output: Output, what: str, hint: str, limit: str) -> Optional[StartFailed]:
    """The error that a non-zero exit code means; ``hint`` says what to do where the script could not even be run, and
    ``limit`` where it is set how long it may run."""
    if output.code == 0:
        return None
    text = late(output, limit)
    if output.code in (126, 127) and len(text.splitlines()) <= 1 and _UNSTARTED.search(text or "no such"):
        return StartFailed(f"{text or what}. {hint}", log=text)
    return StartFailed(text or f"{what} ended with exit code {output.code} and said nothing.", log=text)
