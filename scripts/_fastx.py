"""For launcher scripts: reads what the launcher sends, and gives back what the start script answered.

    from _fastx import get_input_from_stdin, process_output

Needs nothing but Python 3. See docs/howto/launchers.md.
"""

import json
import os
import sys


def get_input_from_stdin():
    """The object that the launcher sent on standard input: socketFile, rootDir, login, start and so on."""
    try:
        document = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        sys.exit(f"The launcher's input is not JSON: {error}")
    if not isinstance(document, dict):
        sys.exit("The launcher's input is not a JSON object.")
    return document


def process_output(completed_process):
    """Passes on what a command printed: a session as ``{"result": session}``, which means that it was started.

    ``completed_process`` is what ``subprocess.run`` returns, with ``stdout`` and ``stderr`` as bytes or text. Where the
    command failed, this ends the script with its exit code.
    """
    code = completed_process.returncode
    out = _bytes(completed_process.stdout)
    _write(sys.stdout, out if code else _result(out))
    _write(sys.stderr, _bytes(completed_process.stderr))
    if code:
        sys.exit(code if code > 0 else 128 - code)


def _result(out):
    """The output, with a bare session put into ``result``; anything else as it is."""
    try:
        document = json.loads(out.decode("utf-8"))
    except (ValueError, RecursionError):
        return out
    if not isinstance(document, dict) or "result" in document or "id" not in document:
        return out
    return json.dumps({"result": document}).encode() + b"\n"


def _bytes(output):
    if output is None:  # it was not captured: it has been shown already
        return b""
    return output if isinstance(output, bytes) else os.fsencode(output)


def _write(stream, data):
    """Bytes as they are: a locale without UTF-8 would not take all text."""
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()
