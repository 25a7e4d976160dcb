"""A fresh clone becomes a working one by `make` alone, on any machine: what holds for the files that do it."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.installation import TOP

LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"]
TARGETS = {"help", "run", "test", "bench", "bench-start", "bench-idle", "bench-view", "install", "uninstall", "lock"}
SYSTEM_FOLDERS = {"bin", "dev", "etc", "home", "opt", "path", "proc", "run", "sys", "tmp", "usr", "var"}


def locked(name: str) -> dict[str, list[str]]:
    """What a lock file asks for: each requirement's line, without spaces and markers' comments, and its hashes."""
    joined = (TOP / name).read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {line.split("--hash=")[0].strip(): re.findall(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := TOP / name).is_file()]


def texts() -> dict[Path, str]:
    found = {}
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            found[path.relative_to(TOP)] = content.decode()
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_one_version_and_hashes(name: str) -> None:
    requirements = locked(name)
    assert requirements
    for requirement, hashes in requirements.items():
        assert re.match(r"[a-z0-9-]+==[^ ;]+( ; .+)?$", requirement), requirement
        assert hashes, requirement


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_address(name: str) -> None:
    assert not re.search(r"https?:|index-url|find-links|file:| @ ", (TOP / name).read_text())


def test_the_lock_for_tests_holds_the_one_for_the_server() -> None:
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    groups = project["dependency-groups"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[ =<>\[;]", requirement)[0].lower() for requirement in requirements}

    def in_lock(name: str) -> set[str]:
        return {requirement.split("==")[0] for requirement in locked(name)}

    assert names(project["project"]["dependencies"] + groups["build"]) <= in_lock("requirements.txt")
    assert names(groups["test"] + groups["bench"]) <= in_lock("requirements-dev.txt")
    assert names(groups["node"]) <= in_lock("requirements-node.txt")


def test_every_library_that_is_imported_is_a_declared_dependency() -> None:
    """Not only there because another library needs it today."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    always, testing = (
        {re.split(r"[ =<>\[;]", requirement)[0] for requirement in listed}
        for listed in (project["dependencies"], project["optional-dependencies"]["testing"])
    )
    of_module = packages_distributions()
    unknown = {}
    for path in (TOP / "src").rglob("*.py"):
        declared = always | testing if path.is_relative_to(TOP / "src/portcall/testing") else always
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"portcall"}:
                if (path.parent / f"{module}.py").exists():
                    continue  # a program of ours that runs where the package is not, beside its parts
                if not declared & {name.lower().replace("_", "-") for name in of_module.get(module, [])}:
                    unknown[module] = path.relative_to(TOP)
    assert unknown == {}


def test_the_lock_of_the_ui_has_hashes_and_names_no_address() -> None:
    packages = json.loads((TOP / "ui/package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package.get("link") or package.get("integrity", "").startswith("sha512-"), name
    assert "omit-lockfile-registry-resolved=true" in (TOP / "ui/.npmrc").read_text()
    assert "registry=" not in (TOP / "ui/.npmrc").read_text()


def test_no_file_names_the_folder_that_it_was_written_in() -> None:
    assert [path for path, text in texts().items() if str(TOP) in text] == []


def test_the_set_up_uses_folders_that_every_system_has() -> None:
    strange = []
    for path, text in texts().items():
        if path.parts[0] in {"scripts", "install", ".ci", "Makefile", "pyproject.toml", ".gitignore"}:
            absolute = re.findall(r"(?<![\w.$}\")*~/-])/([a-z]+)/[\w.]", text)
            strange += [f"{path}: /{folder}" for folder in absolute if folder not in SYSTEM_FOLDERS]
    ignored = {".gitignore: /ui", ".gitignore: /src", ".gitignore: /bench"}
    assert set(strange) <= ignored


def test_make_has_every_target_and_says_so() -> None:
    said = subprocess.run(["make", "-C", TOP, "--silent"], capture_output=True, text=True, check=True).stdout
    assert TARGETS <= {line.split()[1] for line in said.splitlines()}
    for target in TARGETS:
        subprocess.run(["make", "-C", TOP, "--dry-run", target], capture_output=True, check=True)


def test_the_entry_for_ci_is_a_program() -> None:
    assert os.access(TOP / ".ci/run", os.X_OK)


@pytest.mark.parametrize("part", ["run", "test", "bench"])
def test_package_lists_hold_names_each_once(part: str) -> None:
    lines = [line.split("#")[0].strip() for line in (TOP / f"install/packages-{part}.txt").read_text().splitlines()]
    names = [line for line in lines if line]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+( \[(debian|ubuntu)\])?", name) for name in names)


@pytest.mark.serial
def test_a_second_set_up_does_and_says_nothing() -> None:
    again = subprocess.run([TOP / "scripts/setup", "test"], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-eu", "-c", f"top=$PWD; . scripts/setup.d/common.sh; {script}"],
        cwd=TOP,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine of an ordinary user without sudo, on which no package is installed."""
    for name, does in {"id": "echo 1000", "sudo": "exit 1", "dpkg-query": "exit 1", "apt-get": "exit 99"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_who_cannot_install_packages_is_told_the_command(machine: Path) -> None:
    ran = shell("packages=run; install_packages", PATH=f"{machine}:{os.environ['PATH']}")
    assert ran.returncode == 1
    command = re.search(r"^ *sudo apt-get install --no-install-recommends (.+)$", ran.stderr, re.MULTILINE)
    assert command
    assert {"tigervnc-standalone-server", "openbox", "python3-venv"} <= set(command[1].split())


def test_who_has_all_packages_needs_no_sudo(machine: Path) -> None:
    (machine / "dpkg-query").write_text("#!/bin/sh\nprintf installed\n")
    ran = shell("packages='run test bench'; install_packages", PATH=f"{machine}:{os.environ['PATH']}")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_packages_differ_by_distribution() -> None:
    on_this = shell("package_list test").stdout.split()
    distribution = re.search(r'^ID="?(\w+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    assert distribution
    assert ("chromium" in on_this) == (distribution[1] == "debian")
    assert not [name for name in on_this if "[" in name]


@pytest.mark.root
def test_an_interpreter_that_sessions_could_not_run_is_passed_over(tmp_path: Path) -> None:
    private = tmp_path / "private"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--copies", "--without-pip", private], check=True)
    private.chmod(0o755)
    assert private.parent.stat().st_mode & 0o077 == 0, "pytest's own folders are private"
    found = shell("find_python", PYTHON=str(private / "bin/python3")).stdout.strip()
    assert found
    assert not found.startswith(str(private))


def run_pytest(folder: Path, body: str, before: str = "pass", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest with our conftest on a file of its own."""
    (folder / "test_it.py").write_text(f"import pytest\n{body}")
    program = f"import os, sys, pytest; {before}; sys.exit(pytest.main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", program, "-q", "-c", TOP / "pyproject.toml", "--rootdir", folder,
         "-p", "tests.conftest", f"--tally={folder / 'tally'}", folder / "test_it.py"],
        cwd=TOP,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


SKIPS = """
def test_one(): pytest.skip("no display")
def test_two(): pass
"""


def test_a_skip_fails_in_ci(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, SKIPS, CI="true")
    assert ran.returncode == 1
    assert "test_one was skipped, which CI does not accept" in ran.stdout
    assert "no display" in ran.stdout


def test_a_file_that_skips_itself_fails_in_ci(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, "pytest.importorskip('no_such_module')\n", CI="true")
    assert ran.returncode != 0
    assert "which CI does not accept" in ran.stdout


def test_a_skip_elsewhere_is_counted(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, SKIPS, CI="")
    assert ran.returncode == 0
    assert json.loads((tmp_path / "tally").read_text()) == {"passed": 1, "failed": 0, "skipped": 1, "deselected": 0}


def test_without_root_what_needs_it_is_left_out_by_name(tmp_path: Path) -> None:
    body = "@pytest.mark.root\ndef test_as_root(): assert False\ndef test_plain(): pass\n"
    ran = run_pytest(tmp_path, body, before="os.geteuid = lambda: 1000")
    assert ran.returncode == 0, ran.stdout
    assert "test_it.py::test_as_root" in ran.stdout
    assert json.loads((tmp_path / "tally").read_text())["deselected"] == 1


def test_the_last_line_counts_what_was_left_out() -> None:
    last_line = runpy.run_path(str(TOP / "scripts/check"), run_name="check")["last_line"]
    counts = {"passed": 5, "failed": 0, "skipped": 0, "deselected": 0}
    assert last_line(counts) == "5 passed, 0 failed"
    assert last_line(counts | {"failed": 1, "deselected": 3}) == "5 passed, 1 failed, 3 deselected (need root)"


AS_MAKE_TEST_DOES = """
import runpy, sys
from pathlib import Path
check = runpy.run_path("scripts/check", run_name="check")
totals = {"passed": 0, "failed": 0, "skipped": 0, "deselected": 0}
for name, command in check["pytest_steps"]():
    _, counts = check["run_tests"](name, [*command, *sys.argv[2:]], Path(sys.argv[1], "tally"))
    totals = {outcome: totals[outcome] + counts.get(outcome, 0) for outcome in totals}
print(check["last_line"](totals))
"""


def test_an_ordinary_user_without_sudo_is_told_by_name_what_was_left_out(tmp_path: Path) -> None:
    """Root becomes somebody else who may read the clone, wherever it lies; the rest is `make test`'s own."""
    place = tmp_path / "place"
    place.mkdir()
    become: list[str] = []
    if os.geteuid() == 0:
        nobody = "65534"
        os.chown(place, int(nobody), int(nobody))
        reads = "+dac_read_search"
        become = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", f"--inh-caps={reads}",
                  f"--ambient-caps={reads}"]  # fmt: skip
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    theirs = {"PORTCALL_TEST_ROOT": "no", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(place), "HOME": "/"}
    some = ["-p", "no:cacheprovider", "tests/test_setup.py", "-k", "interpreter_that or names_each_once"]
    ran = subprocess.run(
        [*become, sys.executable, "-c", AS_MAKE_TEST_DOES, place, *some], cwd=TOP, capture_output=True, text=True,
        env=ours | theirs, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    left_out = ran.stdout.split("left out: these need root")[1].splitlines()[1]
    assert left_out == "tests/test_setup.py::test_an_interpreter_that_sessions_could_not_run_is_passed_over"
    assert ran.stdout.splitlines()[-1] == "3 passed, 0 failed, 1 deselected (need root)"
