"""_fastx and the examples of S1 by themselves: whatever a start script prints, and whichever Python runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from portcall import userside
from portcall.model import script
from portcall.model.launch import Weblink
from portcall.testing.contracts.launcher import HOSTILE, host, order
from tests.installation import TOP

EXAMPLES = "install/config/job-scheduler.d"
SESSION = {"id": "s1", "state": "running", "name": "é"}
LINK = Weblink("https://here.example", "the-token", "ann", "/weblink")
# a start script that tells what it was given, and answers as it is told
RECORDER = """#!/usr/bin/python3
import json, os, sys
seen = {"argv": sys.argv[1:], "stdin": sys.stdin.read(),
        "env": {k: v for k, v in os.environ.items() if k.startswith("WEBLINK_")}}
open(os.environ["RECORD"], "w").write(json.dumps(seen))
sys.stdout.write(os.environ.get("SAY", ""))
sys.stderr.write(os.environ.get("COMPLAIN", ""))
sys.exit(int(os.environ.get("CODE", "0")))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user side, with start scripts that only record."""
    root = userside.install(tmp_path_factory.mktemp("tree"))
    for name in ("start", "start-weblink"):
        (root / "scripts" / name).write_text(RECORDER)
    return root


def run(
    program: Path, given: object, tree: Path | None = None, **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    """As a launcher runs it; without ``tree``, as one does by hand."""
    record = program.parent / "record"
    record.unlink(missing_ok=True)
    variables = {"PATH": "/usr/bin:/bin", "RECORD": str(record), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    if tree is not None:
        variables["PYTHONPATH"] = f"{tree}/scripts"
    done = subprocess.run(
        [program], input=given if isinstance(given, str) else json.dumps(given), env=variables, capture_output=True,
        text=True, check=False, encoding="utf-8",
    )  # fmt: skip
    return done, json.loads(record.read_text()) if record.exists() else {}


def given(tree: Path, params: dict[str, str] | None = None, **members: object) -> dict[str, object]:
    place = host(root_dir=str(tree), start_script=f"{tree}/scripts/start", **members)
    return script.script_input(order(params=params or {}), place)


@pytest.mark.parametrize("example", ["basic.py", "weblink.py"])
def test_an_example_runs_where_it_lies_without_anything_in_the_environment(tree: Path, example: str) -> None:
    """_fastx lies beside the examples."""
    done, seen = run(tree / EXAMPLES / example, given(tree), SAY=json.dumps(SESSION))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"result": SESSION}
    assert seen["argv"] == ["--json=0"]


@pytest.mark.parametrize("example", ["basic.py", "weblink.py"])
def test_a_copy_of_an_example_runs_anywhere_as_a_launcher(tree: Path, tmp_path: Path, example: str) -> None:
    """By PYTHONPATH, as the launcher gives it."""
    copy = tmp_path / "site/launch"
    copy.parent.mkdir()
    shutil.copy(tree / EXAMPLES / example, copy)
    done, _ = run(copy, given(tree), tree, SAY=json.dumps(SESSION))
    assert json.loads(done.stdout) == {"result": SESSION}


@pytest.mark.parametrize("example", ["basic.py", "weblink.py"])
def test_the_start_object_reaches_the_start_script_as_it_was_whatever_the_locale(tree: Path, example: str) -> None:
    start = given(tree, params={str(number): text for number, text in enumerate(HOSTILE)})
    _, seen = run(tree / EXAMPLES / example, start, LC_ALL="C")
    assert json.loads(str(seen["stdin"])) == start["start"]


def test_the_weblink_example_sets_what_start_weblink_reads(tree: Path) -> None:
    """S1: You MUST set WEBLINK_URL and WEBLINK_PRIMARY on start-weblink."""
    start = given(tree, weblink=LINK, settings={"WEBLINK_PORT": "3301"})
    _, seen = run(tree / EXAMPLES / "weblink.py", start, WEBLINK_FINGERPRINT="ab")
    assert seen["env"] == {
        "WEBLINK_URL": "https://here.example", "WEBLINK_URI": "/weblink", "WEBLINK_PRIMARY": "the-token",
        "WEBLINK_FINGERPRINT": "ab",
    }  # fmt: skip
    _, seen = run(tree / EXAMPLES / "weblink.py", given(tree))
    assert seen["env"] == {}


def test_the_basic_example_falls_back_where_no_start_script_is_named(tree: Path) -> None:
    """S1: #fallback."""
    start = {**given(tree), "defaultStartScript": ""}
    done, seen = run(tree / EXAMPLES / "basic.py", start, SAY=json.dumps(SESSION))
    assert seen["argv"] == ["--json=0"]
    assert json.loads(done.stdout) == {"result": SESSION}


@pytest.mark.parametrize(("said", "printed"), [
    ('{"result": {"id": "x"}}', '{"result": {"id": "x"}}'), ("Job 5 is queued.\n", "Job 5 is queued.\n"),
    ('{"a": 1}', '{"a": 1}'), ("[1]", "[1]"), ("", ""), ("é🐙", "é🐙"),
])  # fmt: skip
def test_what_is_no_session_is_passed_on_as_it_is(tree: Path, said: str, printed: str) -> None:
    done, _ = run(tree / EXAMPLES / "basic.py", given(tree), SAY=said)
    assert (done.returncode, done.stdout) == (0, printed)


@pytest.mark.parametrize("code", [1, 3, 255])
def test_errors_and_the_exit_code_are_passed_on(tree: Path, code: int) -> None:
    done, _ = run(tree / EXAMPLES / "basic.py", given(tree), CODE=str(code), COMPLAIN="no é\n", SAY=json.dumps(SESSION))
    assert (done.returncode, done.stderr) == (code, "no é\n")
    assert "result" not in done.stdout


FORMS = {
    "text": "run(['sh', '-c', COMMAND], stdout=PIPE, stderr=PIPE, universal_newlines=True)",
    "bytes": "run(['sh', '-c', COMMAND], stdout=PIPE, stderr=PIPE)",
    "not captured": "run(['sh', '-c', COMMAND])",
    "stdout alone": "run(['sh', '-c', COMMAND], stdout=PIPE)",
}


@pytest.mark.parametrize("form", FORMS)
def test_process_output_takes_whatever_run_returns(tree: Path, tmp_path: Path, form: str) -> None:
    program = tmp_path / "program"
    program.write_text(
        "#!/usr/bin/python3\nfrom subprocess import PIPE, run\nfrom _fastx import process_output\n"
        f"COMMAND = 'echo out; echo err >&2; kill -9 $$'\nprint('first')\nprocess_output({FORMS[form]})\n"
    )
    program.chmod(0o755)
    done, _ = run(program, {}, tree)
    assert done.returncode == 137  # 128 and the signal's number
    assert sorted(done.stdout.split()) == ["first", "out"]
    assert done.stderr == "err\n"


def test_input_that_is_none_is_said(tree: Path) -> None:
    for text in ("", "{", "[]"):
        done, seen = run(tree / EXAMPLES / "basic.py", text)
        assert done.returncode == 1
        assert "The launcher's input is not" in done.stderr
        assert not seen


@pytest.mark.root
def test_what_sites_scripts_hard_code_is_there_after_installation(installed: Path) -> None:
    """E5b: /usr/lib/fastx/3 and /usr/lib/fastx/4 are links to rootDir. S1: Python examples are available in
    /usr/lib/fastx/4/install/config/job-scheduler.d; S4: the original tpl file is in …/launcher-templates/docker.tpl."""
    for version in ("3", "4"):
        place = installed / "usr/lib/fastx" / version
        assert place.is_symlink()
        assert place.resolve() == (installed / "usr/lib/portcall").resolve()
        done = subprocess.run([place / "scripts/start", "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (place / "scripts/_fastx.py").read_bytes() == (TOP / "scripts/_fastx.py").read_bytes()
    examples = installed / "usr/lib/fastx/4/install/config/job-scheduler.d"
    assert {path.name for path in examples.iterdir()} >= {"_fastx.py", "basic.py", "weblink.py"}
    assert os.access(examples / "basic.py", os.X_OK)
    assert (examples.parent / "launcher-templates/docker.tpl").is_file()
    originals = {path.name for path in (TOP / "install/config/launcher-templates").iterdir()}
    assert {path.name for path in (examples.parent / "launcher-templates").iterdir()} == originals


def test_the_links_are_made_unless_something_is_there(tmp_path: Path) -> None:
    text = (TOP / "scripts/install").read_text()
    begin = text.index('mkdir -p "$root/usr/lib/fastx"')
    loop = text[begin : text.index("done\n", begin) + 5]
    (tmp_path / "usr/lib/fastx/3").mkdir(parents=True)
    for _ in range(2):
        subprocess.run(["sh", "-euc", f"root={tmp_path}; {loop}"], check=True)
    assert not (tmp_path / "usr/lib/fastx/3").is_symlink()
    assert os.readlink(tmp_path / "usr/lib/fastx/4") == "../portcall"
