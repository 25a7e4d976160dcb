import os
import stat
from pathlib import Path

import pytest

from portcall.client.credentials import Credential, Credentials
from portcall.errors import PortcallError

ONE = Credential("https://one", "token-1", "ann", 4e9, used=1.0)


def test_a_token_is_found_again_and_can_be_forgotten(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    path = Credentials(environment).save(ONE)
    assert path == tmp_path / ".config/portcall/tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Credentials(environment).of("https://one") == ONE
    assert Credentials(environment).of("https://two") is None
    Credentials(environment).forget("https://one")
    assert Credentials(environment).all() == []


def test_hosts_that_share_a_home_have_their_own_tokens(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    Credentials(environment, host="h1").save(ONE)
    assert Credentials(environment, host="h2").all() == []


def test_memory_of_ones_own_is_preferred_to_the_home(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)}
    assert Credentials(environment).save(ONE).is_relative_to(runtime)
    kept = Credentials(environment).save(ONE, keep=True)
    assert not kept.is_relative_to(runtime)
    assert Credentials(environment).all() == [ONE]
    runtime.chmod(0o755)
    assert Credentials(environment).path == kept


def test_the_last_login_is_the_one_used_last(tmp_path: Path) -> None:
    kept = Credentials({"HOME": str(tmp_path)})
    kept.save(Credential("https://b", used=2.0))
    kept.save(ONE)
    last = kept.last()
    assert last is not None
    assert last.url == "https://b"


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    kept = Credentials({"HOME": str(tmp_path)})
    kept.save(ONE).chmod(0o640)
    with pytest.raises(PortcallError, match="chmod 600"):
        kept.all()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"h": 5}', '{"h": {"https://one": 3}}'])
def test_damaged_content_is_nothing_known(tmp_path: Path, text: str) -> None:
    kept = Credentials({"HOME": str(tmp_path)}, host="h")
    kept.kept.parent.mkdir(parents=True)
    kept.kept.write_text(text)
    kept.kept.chmod(0o600)
    assert kept.all() == []
    kept.save(ONE)
    assert kept.all() == [ONE]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file where the directory should be")
    with pytest.raises(PortcallError, match="cannot be written"):
        Credentials({"HOME": str(tmp_path)}, uid=os.getuid()).save(ONE)
