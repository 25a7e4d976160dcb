"""The small parts: log ends, the X authority, the login environment, who may be dialled."""

from __future__ import annotations

import grp
import os
import socket
import subprocess
from pathlib import Path

import pytest

from portcall.errors import ProfileForbidden, UnknownProfile
from portcall.model.user import Account
from portcall.sessiond import environment, known, log, processes, xauthority
from portcall.sessiond.peer import dial


def test_the_end_of_a_log_begins_with_a_whole_character(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("äöü€😀".encode())
    size = path.stat().st_size
    for count in range(size + 1):
        text, total = log.tail(str(path), count)
        assert total == size
        assert "äöü€😀".endswith(text)
    path.write_bytes(b"a\xff\xfeb")
    assert log.tail(str(path), 100) == ("a��b", 4)
    assert log.tail(str(tmp_path / "none"), 10) == ("", 0)


def test_a_log_is_cut_at_its_beginning_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = log.open_append(path)
    for _ in range(50):
        os.write(writer, b"0123456789abcde\n" * 8192)
    assert log.bound(path) < log.BOUND
    os.write(writer, b"last\n")
    os.close(writer)
    text = Path(path).read_text()
    assert text.startswith("[the beginning was cut]\n0123456789abcde\n")
    assert text.endswith("\nlast\n")


def test_a_log_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        log.open_append(str(tmp_path / "log"))


def test_the_authority_is_one_that_xauth_reads(tmp_path: Path) -> None:
    path = tmp_path / "Xauthority"
    xauthority.write(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    listed = subprocess.run(["xauth", "-f", path, "list"], capture_output=True, text=True, check=True).stdout
    assert listed.split()[-2:] == ["MIT-MAGIC-COOKIE-1", xauthority.cookie(str(path)).hex()]
    xauthority.write(str(tmp_path / "second"))
    assert xauthority.cookie(str(tmp_path / "second")) != xauthority.cookie(str(path))


def test_the_environment_is_a_logins_and_nothing_else() -> None:
    account = Account("ann", 12345, 12345, "/home/ann", "/bin/zsh")
    found = environment.login(account, {"TOKEN": "x", "KRB5CCNAME": "FILE:/tmp/k", "LD_PRELOAD": "/evil.so"})
    expected = {"HOME": "/home/ann", "USER": "ann", "LOGNAME": "ann", "SHELL": "/bin/zsh", "MAIL": "/var/mail/ann"}
    assert expected.items() <= found.items()
    assert found["KRB5CCNAME"] == "FILE:/tmp/k"
    assert "TOKEN" not in found
    assert "LD_PRELOAD" not in found
    assert "/sbin" not in found["PATH"].split(":")
    assert any("UTF-8" in found.get(name, "") for name in ("LANG", "LC_ALL", "LC_CTYPE"))


def test_a_file_of_the_environment_is_read_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "environment"
    monkeypatch.setattr(environment, "_FILES", (str(path),))
    account = Account("ann", 12345, 12345, "/home/ann", "/bin/zsh")
    for value in ("one", "another"):
        path.write_text(f"SITE={value}\n")
        assert [environment.login(account)["SITE"] for _ in range(2)] == [value, value]
    path.unlink()
    assert "SITE" not in environment.login(account)


def test_only_root_oneself_or_the_directorys_owner_is_dialled(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert dial(path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        sock = dial(path)
        assert sock is not None
        sock.close()
    assert dial(path) is None


@pytest.mark.root
def test_another_users_socket_is_not_believed(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    tmp_path.chmod(0o777)
    listen = f"s=socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen()"
    code = f"import os,socket; os.setuid(65534); {listen}; print(flush=True); input()"
    for parent in tmp_path.parents:
        if parent != Path("/") and parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    with subprocess.Popen(["/usr/bin/python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert dial(path) is None
        process.communicate(b"\n")


def test_a_pid_that_is_used_again_is_another_process() -> None:
    mine = processes.process(os.getpid())
    assert processes.alive(mine)
    assert not processes.alive(processes.Process(mine.pid, mine.start + 1))
    assert not processes.alive(None)


def test_a_public_document_of_a_stranger_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "public.json").write_text('{"socket": "/x/y.sock", "profiles": {}}')
    monkeypatch.setenv("PORTCALL_RUNTIME_DIR", str(tmp_path))
    assert known.look().sockets == ["/x/y.sock"]
    if os.geteuid() == 0:
        tmp_path.parent.chmod(0o777)
        os.chown(tmp_path, 65534, 65534)
        assert known.look().sockets == [f"{tmp_path}/server.sock"]


def test_profiles_of_another_configuration_count(tmp_path: Path) -> None:
    (tmp_path / "portcall.toml").write_text(f'runtime_dir = "{tmp_path}"\n')
    (tmp_path / "profiles.toml").write_text("[plain]\nopen_gl = false\n")
    there = known.look(str(tmp_path))
    assert there.sockets == [f"{tmp_path}/server.sock"]
    assert there.profile("plain").open_gl is False
    assert there.profile("default").open_gl is True


def test_a_profile_that_is_not_for_the_caller_is_refused_while_the_server_is_away(tmp_path: Path) -> None:
    mine = grp.getgrgid(os.getgid()).gr_name
    (tmp_path / "profiles.toml").write_text(
        f'[mine]\ngroups = ["{mine}"]\n[theirs]\ngroups = ["nobody-else"]\n[kiosk]\nhidden = true\n'
    )
    there = known.look(str(tmp_path))
    there.check_use(there.profile("mine"))
    there.check_use(there.profile("default"))
    for name in ("theirs", "kiosk"):
        with pytest.raises(ProfileForbidden, match=r"You may choose: default, mine\."):
            there.check_use(there.profile(name))
    with pytest.raises(UnknownProfile, match=r"there are: default, mine$"):
        there.profile("nonesuch")
