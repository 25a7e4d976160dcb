"""Linux-PAM by ctypes: a transaction with a conversation of any number of prompts, and sessions.

For short-lived processes that do nothing else: modules may hang, change the process, or crash it. (pamela, the obvious
library, answers hidden prompts with given passwords only, and runs ldconfig at import to find the library.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

PROMPT_ECHO_OFF, PROMPT_ECHO_ON, ERROR_MSG, TEXT_INFO = 1, 2, 3, 4
SUCCESS, NEW_AUTHTOK_REQD, CONV_ERR = 0, 12, 19
DISALLOW_NULL_AUTHTOK = 0x1
SILENT = 0x8000
ESTABLISH_CRED, DELETE_CRED = 0x2, 0x4
USER, TTY, RHOST = 2, 3, 4

Message = tuple[int, str]  # style, text
Converse = Callable[[list[Message]], list[str | None]]


class _Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class _Response(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


_Conversation = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.c_void_p,
)


class _Conv(ctypes.Structure):
    _fields_ = (("function", _Conversation), ("data", ctypes.c_void_p))


class PamError(Exception):
    """``code`` is Linux-PAM's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Transaction:
    """``converse`` is given the messages of a round and returns as many answers (None for what is no prompt)."""

    def __init__(self, service: str, user: str, converse: Converse) -> None:
        self._pam = ctypes.CDLL("libpam.so.0")
        self._libc = ctypes.CDLL(None)
        self._libc.calloc.restype = ctypes.c_void_p
        self._libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
        self._libc.strdup.restype = ctypes.c_void_p
        self._libc.strdup.argtypes = (ctypes.c_char_p,)
        self._pam.pam_strerror.restype = ctypes.c_char_p
        self._pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
        self._converse = converse
        self._callback = _Conversation(self._called)  # libpam keeps the pointer, we keep the object
        self._handle = ctypes.c_void_p()
        self._last = SUCCESS
        conv = _Conv(self._callback, None)
        self._check(
            self._pam.pam_start(service.encode(), user.encode(), ctypes.byref(conv), ctypes.byref(self._handle))
        )

    def set_item(self, item: int, value: str) -> None:
        self._check(self._pam.pam_set_item(self._handle, item, ctypes.c_char_p(value.encode())))

    def user(self) -> str:
        """Who it is now: a module may have changed the name."""
        value = ctypes.c_char_p()
        self._check(self._pam.pam_get_item(self._handle, USER, ctypes.byref(value)))
        return (value.value or b"").decode()

    def authenticate(self) -> None:
        self._check(self._pam.pam_authenticate(self._handle, DISALLOW_NULL_AUTHTOK))

    def check_account(self) -> None:
        self._check(self._pam.pam_acct_mgmt(self._handle, DISALLOW_NULL_AUTHTOK))

    def set_credentials(self, flag: int) -> None:
        self._check(self._pam.pam_setcred(self._handle, flag))

    def open_session(self) -> None:
        self._check(self._pam.pam_open_session(self._handle, SILENT))

    def close_session(self) -> None:
        self._check(self._pam.pam_close_session(self._handle, SILENT))

    def environment(self) -> dict[str, str]:
        """What modules want to be in the environment."""
        pairs = {}
        entries = self._pam.pam_getenvlist(self._handle)
        for entry in iter(entries) if entries else ():
            if entry is None:
                break
            name, _, value = entry.decode(errors="surrogateescape").partition("=")
            pairs[name] = value
        return pairs

    def end(self) -> None:
        if self._handle.value:
            self._pam.pam_end(self._handle, self._last)
            self._handle = ctypes.c_void_p()

    def _check(self, code: int) -> None:
        self._last = code
        if code != SUCCESS:
            raise PamError(code, self._pam.pam_strerror(self._handle, code).decode(errors="replace"))

    def _called(self, count: int, messages: object, responses: object, data: object) -> int:
        try:
            asked = [
                (messages[i].contents.style, (messages[i].contents.text or b"").decode(errors="replace"))  # type: ignore[index]
                for i in range(count)
            ]
            answers = self._converse(asked)
            array = self._libc.calloc(count, ctypes.sizeof(_Response))
            filled = ctypes.cast(array, ctypes.POINTER(_Response))
            for i, answer in enumerate(answers):
                if answer is not None:
                    filled[i].text = self._libc.strdup(answer.encode())
            responses[0] = array  # type: ignore[index]
        except Exception:  # noqa: BLE001  an exception cannot pass through C: libpam is told that the conversation failed
            return CONV_ERR
        return SUCCESS
