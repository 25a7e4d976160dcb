"""The two examples of "Job Scheduling" (S1) as they are pasted from the page, with nothing changed but the slips that
no Python takes: sites' launchers look like this."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcall import userside
from portcall.model.launch import Weblink
from tests.install.test_examples import RECORDER, SESSION, given, run

# "Basic Example"
BASIC = """#!/usr/bin/python3
#Example
import json
from _fastx import get_input_from_stdin, process_output

# use the _fastx lib to get the input from stdin
myInput = get_input_from_stdin()

SYSDIR = '/usr/lib/fastx/4'

#command you will use to exec
command = myInput["defaultStartScript"]

#fallback
if len(command) == 0:
   command = SYSDIR +'/scripts/start'

args = []
args.append(command)

# send start input on stdin
args.append('--json=0')

#execute the start script
completed_process = run(args, stdout=subprocess.PIPE, input=json.dumps(myInput["start"]) stderr=subprocess.PIPE)

# process the output for FastX
process_output(completed_process)    
"""  # noqa: W291

# "Weblink Example"
WEBLINK = """#!/usr/bin/python3
#Example
import json
import os
from _fastx import get_input_from_stdin, process_output

# use the _fastx lib to get the input from stdin
myInput = get_input_from_stdin()

SYSDIR = '/usr/lib/fastx/4'

# the command you need to run to start the session is start-weblink
command = SYSDIR +'/scripts/start-weblink'

args = []
args.append(command)

# send start input on stdin
args.append('--json=0')

env = os.environ

# You MUST set WEBLINK_URL and WEBLINK_PRIMARY on start-weblink
weblink = my_input.get('weblink')
if(weblink is not None):
   env["WEBLINK_URL"] = weblink.get("url", "")
   env["WEBLINK_URI"] = weblink.get("uri", "/weblink")
   env["WEBLINK_PRIMARY"] = weblink.get("primary", "")

#execute the start script
completed_process = run(args, stdout=subprocess.PIPE, input=json.dumps(myInput["start"]) stderr=subprocess.PIPE)

# process the output for FastX
process_output(completed_process)    
"""  # noqa: W291

# what is mended: no import of run and subprocess, a missing comma, text where bytes are asked for, my_input for myInput
SLIPS = {
    "import json\n": "import json\nimport subprocess\nfrom subprocess import run\n",
    'input=json.dumps(myInput["start"]) stderr': 'input=json.dumps(myInput["start"]).encode(), stderr',
    "my_input.get": "myInput.get",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user side, with start scripts that only record; it stands for what ``/usr/lib/fastx/4`` is a link to."""
    root = userside.install(tmp_path_factory.mktemp("tree"))
    for name in ("start", "start-weblink"):
        (root / "scripts" / name).write_text(RECORDER.replace('{"argv": sys', '{"program": sys.argv[0], "argv": sys'))
    return root


def pasted(text: str, folder: Path, tree: Path) -> Path:
    for wrong, right in SLIPS.items():
        text = text.replace(wrong, right)
    program = folder / "launch"
    program.write_text(text.replace("/usr/lib/fastx/4", str(tree)))
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("default", ["", "named"])
def test_the_basic_example_runs_the_start_script_with_the_start_object_on_stdin(
    tree: Path, tmp_path: Path, default: str
) -> None:
    """S1, start-object: pass it to the start script on stdin; add the command line args "--json=0"."""
    document = given(tree)
    document["defaultStartScript"] = document["defaultStartScript"] if default else ""  # fallback
    done, seen = run(pasted(BASIC, tmp_path, tree), document, tree, SAY=json.dumps(SESSION))
    assert (seen["program"], seen["argv"]) == (f"{tree}/scripts/start", ["--json=0"])
    assert json.loads(str(seen["stdin"])) == document["start"]
    assert (json.loads(done.stdout), done.stderr, done.returncode) == ({"result": SESSION}, "", 0)


def test_the_weblink_example_runs_start_weblink_with_what_it_needs(tree: Path, tmp_path: Path) -> None:
    """S1: Special settings are needed when launching weblinks."""
    link = Weblink("https://here.example", "the-token", "ann", "/calls")
    document = given(tree, weblink=link, settings={"WEBLINK_PORT": "3301"})
    done, seen = run(pasted(WEBLINK, tmp_path, tree), document, tree, SAY=json.dumps(SESSION))
    assert (seen["program"], seen["argv"]) == (f"{tree}/scripts/start-weblink", ["--json=0"])
    assert seen["env"] == {
        "WEBLINK_URL": "https://here.example", "WEBLINK_URI": "/calls", "WEBLINK_PRIMARY": "the-token",
    }  # fmt: skip
    assert json.loads(str(seen["stdin"])) == document["start"]
    assert json.loads(done.stdout) == {"result": SESSION}


def test_what_the_start_script_says_when_it_fails_comes_through(tree: Path, tmp_path: Path) -> None:
    """S1: Any nonzero return code will be an error."""
    done, _ = run(pasted(BASIC, tmp_path, tree), given(tree), tree, CODE="3", COMPLAIN="no licence\n")
    assert (done.returncode, done.stderr) == (3, "no licence\n")
