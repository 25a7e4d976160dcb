"""install/pam.d/portcall, as libpam reads it."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.accounts import Account
from tests.installation import TOP

PAM_SUCCESS, PAM_AUTH_ERR, PAM_ACCT_EXPIRED = 0, 7, 13
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.strdup.restype = ctypes.c_void_p


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p
)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


@pytest.fixture
def pam_folder(tmp_path: Path) -> Path:
    """The machine's PAM files with ours among them, since ours includes some of them."""
    folder = tmp_path / "pam.d"
    shutil.copytree("/etc/pam.d", folder)
    shutil.copy(TOP / "install/pam.d/portcall", folder)
    return folder


def log_in(folder: Path, name: str, password: str) -> tuple[int, int, int]:
    """What PAM says to the password, the account, and a session."""
    pam = ctypes.CDLL(ctypes.util.find_library("pam") or "libpam.so.0")

    @CONVERSE
    def answer(count: int, _messages: int, answers: ctypes._Pointer[ctypes.c_void_p], _data: int) -> int:
        # libpam frees both, with free()
        block = libc.calloc(count, ctypes.sizeof(Response))
        for response in (Response * count).from_address(block):
            response.text = libc.strdup(password.encode())
        answers[0] = block
        return PAM_SUCCESS

    handle = ctypes.c_void_p()
    conversation = Conversation(answer, None)
    started = pam.pam_start_confdir(
        b"portcall", name.encode(), ctypes.byref(conversation), str(folder).encode(), ctypes.byref(handle)
    )
    assert started == PAM_SUCCESS
    said = pam.pam_authenticate(handle, 0), pam.pam_acct_mgmt(handle, 0), pam.pam_open_session(handle, 0)
    pam.pam_close_session(handle, 0)
    pam.pam_end(handle, said[-1])
    return said


@pytest.mark.root
def test_the_right_password_opens_a_session(pam_folder: Path, new_account: Callable[[], Account]) -> None:
    person = new_account()
    assert log_in(pam_folder, person.name, person.password) == (PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS)


@pytest.mark.root
@pytest.mark.parametrize("password", ["", "wrong", "x" * 500])
def test_any_other_password_is_refused(password: str, pam_folder: Path, new_account: Callable[[], Account]) -> None:
    assert log_in(pam_folder, new_account().name, password)[0] == PAM_AUTH_ERR


def test_being_root_is_no_password(pam_folder: Path) -> None:
    # pam_rootok, as in the service "su", lets root in as anybody
    assert "pam_rootok" not in (pam_folder / "portcall").read_text()
