"""The files that an installation puts into the system."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.accounts import Account
from tests.installation import TOP, install_into

INSTALL = TOP / "install"
UNIT = INSTALL / "systemd/portcall.service"
LINK = "/usr/lib/portcall/libexec/portcall-link"


@pytest.fixture
def service() -> dict[str, str]:
    unit = configparser.ConfigParser(strict=True, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read_string(UNIT.read_text())
    return dict(unit["Service"])


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    # The program is not installed here: a program that exists takes its place.
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("/usr/lib/portcall/venv/bin/portcall", "/bin/true"))
    overrides = tmp_path / "portcall.service.d"
    overrides.mkdir()
    shutil.copy(INSTALL / "systemd/portcall-as-root.conf", overrides)
    verdict = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / UNIT.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_a_restart_of_the_unit_ends_no_session(service: dict[str, str]) -> None:
    assert service["KillMode"] == "process"
    assert service["RuntimeDirectoryPreserve"] == "yes"


def test_a_session_that_runs_out_of_memory_does_not_stop_the_server(service: dict[str, str]) -> None:
    assert service["OOMPolicy"] == "continue"


def test_the_unit_is_ready_when_the_server_says_so(service: dict[str, str]) -> None:
    assert service["Type"] == "notify"
    assert service["ExecStart"] == "/usr/lib/portcall/venv/bin/portcall server --service"


def test_the_server_is_a_service_user_unless_an_administrator_decides_otherwise(service: dict[str, str]) -> None:
    assert service["User"] == "portcall"
    assert "User=root" in (INSTALL / "systemd/portcall-as-root.conf").read_text()


def test_no_setting_of_the_unit_stops_sudo(service: dict[str, str]) -> None:
    # systemd.exec(5): each of these implies NoNewPrivileges= for a service that is not root
    assert not {
        "NoNewPrivileges", "SystemCallFilter", "SystemCallArchitectures", "RestrictAddressFamilies",
        "RestrictNamespaces", "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
        "ProtectClock", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "DynamicUser",
        "LockPersonality", "PrivateTmp", "CapabilityBoundingSet",
    } & service.keys()  # fmt: skip


def test_the_sudoers_example_is_valid() -> None:
    subprocess.run(["/usr/sbin/visudo", "--check", "--strict", "-f", INSTALL / "sudoers.d/portcall"], check=True)


def test_the_sudoers_example_names_the_program_that_is_installed() -> None:
    rules = (INSTALL / "sudoers.d/portcall").read_text()
    assert f"PORTCALL_LINK = {LINK}\n" in rules
    assert (INSTALL / "libexec" / Path(LINK).name).stat().st_mode & 0o111 == 0o111


@pytest.fixture(scope="module")
def service_user(installed: Path, new_account: Callable[[], Account]) -> Iterator[Account]:
    account = new_account()
    rules = (INSTALL / "sudoers.d/portcall").read_text()
    rules = rules.replace("\nportcall ALL", f"\n{account.name} ALL").replace(LINK, f"{installed}{LINK}")
    assert account.name in rules
    in_force = Path("/etc/sudoers.d", account.name)
    in_force.touch(mode=0o440)
    in_force.write_text(rules)
    yield account
    in_force.unlink()


@pytest.mark.root
class TestSudo:
    """The example in force, for a service user of the test's and the installation's own program."""

    def test_it_may_start_a_link_as_another_user(self, service_user: Account, installed: Path) -> None:
        asked = service_user.run("sudo", "-n", "-l", "-u", "nobody", f"{installed}{LINK}", "--any", "argument")
        assert asked.stdout.split() == [f"{installed}{LINK}", "--any", "argument"], asked.stderr

    @pytest.mark.parametrize("target", ["root", "#0", "#-1", "#4294967295"])
    def test_it_may_not_as_root_by_any_name(self, target: str, service_user: Account, installed: Path) -> None:
        assert service_user.run("sudo", "-n", "-u", target, f"{installed}{LINK}").returncode == 1

    @pytest.mark.parametrize("command", ["/bin/sh", "{link}/../portcall-link.sh", "{link}x"])
    def test_it_may_run_nothing_else(self, command: str, service_user: Account, installed: Path) -> None:
        ran = service_user.run("sudo", "-n", "-u", "nobody", command.format(link=f"{installed}{LINK}"))
        assert ran.returncode == 1


@pytest.mark.root
class TestInstallation:
    """What scripts/install makes, seen by another user."""

    def test_everyone_can_run_the_program(self, installed: Path, new_account: Callable[[], Account]) -> None:
        ran = new_account().run(installed / "usr/bin/portcall", "--help")
        assert ran.returncode == 0, ran.stderr
        assert "server" in ran.stdout

    def test_everyone_can_run_the_link_with_the_system_s_python_alone(
        self, installed: Path, new_account: Callable[[], Account]
    ) -> None:
        ran = new_account().run(f"{installed}{LINK}", "--help")
        assert ran.returncode == 0, ran.stderr
        assert "--socket" in ran.stdout

    def test_nobody_but_root_can_change_it(self, installed: Path) -> None:
        program = installed / "usr/lib/portcall"
        files = [path for path in [program, *program.rglob("*")] if not path.is_symlink()]
        assert not [path for path in files if path.stat().st_uid != 0 or path.stat().st_mode & 0o022]

    def test_it_does_not_depend_on_the_clone(self, installed: Path) -> None:
        files = [path for path in (installed / "usr/lib/portcall").rglob("*") if path.suffix in {".pth", ".py", ".cfg"}]
        assert not [path for path in files if str(TOP) in path.read_text(errors="replace")]

    def test_an_upgrade_keeps_the_environment_that_may_still_be_in_use(self, installed: Path) -> None:
        program = installed / "usr/lib/portcall"
        (program / "venvs/older").mkdir()
        (program / "venvs/oldest").mkdir()
        current = (program / "venv").readlink()
        (program / "venv").unlink()
        (program / "venv").symlink_to("venvs/older")
        install_into(installed)
        assert (program / "venv").readlink() == current
        assert {path.name for path in (program / "venvs").iterdir()} == {current.name, "older"}

    def test_a_pam_file_that_an_administrator_changed_stays(self, installed: Path) -> None:
        pam = installed / "etc/pam.d/portcall"
        pam.write_text("# changed\n")
        install_into(installed)
        assert pam.read_text() == "# changed\n"
