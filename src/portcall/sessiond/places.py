"""A user's directories: the base, the sessions in it, and who holds which."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
from typing import Iterator

from portcall.errors import Conflict, StartFailed
from portcall.model.ids import is_session_id

_TRIES, _BETWEEN = 5, 0.003
TEMPORARY = ".new-"  # a session's directory before it is claimed; the prefix of a warm display's too


def base_directory(uid: int | None = None) -> str:
    """Where this user's sessions live; ``FX_TEMP_DIR`` moves it."""
    return f"{os.environ.get('FX_TEMP_DIR') or '/tmp'}/portcall-{os.getuid() if uid is None else uid}"


def prepare(base: str) -> str:
    """The base directory, ours and 0700; StartFailed says what is wrong with it. Links are not followed."""
    with contextlib.suppress(FileExistsError):
        _try(os.mkdir, base, 0o700)
    try:
        descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        what = error.strerror
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            what = "a file or a link is in its place; ask an administrator to remove it"
        raise StartFailed(f"{base} cannot be used: {what}") from error
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.getuid():
            raise StartFailed(f"{base} belongs to user {status.st_uid}, not to you; ask an administrator to remove it")
        if stat.S_IMODE(status.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        _try(os.mkdir, f"{base}/sessions", 0o700)
    return base


def _try(call: object, path: str, mode: int) -> None:
    try:
        call(path, mode)  # type: ignore[operator]
    except FileExistsError:
        raise
    except OSError as error:
        raise StartFailed(f"{path} cannot be made: {error.strerror}") from error


class Place:
    """One session's directory. Whoever holds its lock is the session's daemon; nobody else changes what is in it.

    The lock is on the directory itself: it moves with it, and it is one file less to make.
    """

    def __init__(self, path: str, lock: int) -> None:
        self.path, self.lock = path, lock

    def __truediv__(self, name: str) -> str:
        return f"{self.path}/{name}"

    @property
    def mark(self) -> str:
        return os.path.basename(self.path)

    @classmethod
    def make(cls, base: str) -> Place:
        """A new one under a temporary name, with its lock held: nobody ever sees a session's directory half made."""
        path = f"{base}/sessions/{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            os.mkdir(path, 0o700)
            return cls(path, _locked(path))
        except OSError as error:
            remove_tree(path)
            raise StartFailed(f"the session's directory cannot be made in {base}: {error.strerror}") from error

    @classmethod
    def take(cls, base: str, name: str) -> Place | None:
        """An existing one whose daemon has died; None where somebody holds it, or there is none."""
        path = f"{base}/sessions/{name}"
        for _ in range(_TRIES):
            try:
                lock = _locked(path)
                break
            except BlockingIOError:
                select.select((), (), (), _BETWEEN)  # who only looks (``held``) is through in no time
            except OSError:
                return None
        else:
            return None
        try:
            current = os.stat(path).st_ino == os.fstat(lock).st_ino
        except OSError:
            current = False
        if not current:  # its last holder removed it, or gave it a name, between our open and our lock
            os.close(lock)
            return None
        return cls(path, lock)

    def claim(self, session_id: str) -> None:
        """Take the session's own name, with the record written. The rename is the lock: Conflict where a session has
        this id already, whose directory is not empty either."""
        target = f"{os.path.dirname(self.path)}/{session_id}"
        try:
            os.rename(self.path, target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise Conflict(f"there is a session {session_id} already") from error
            raise StartFailed(f"{target} cannot be made: {error.strerror}") from error
        self.path = target

    def reduce(self, keep: tuple[str, ...]) -> None:
        """Remove everything but ``keep``; the lock goes with the holder."""
        for name in os.listdir(self.path):
            if name not in keep:
                _remove(f"{self.path}/{name}")

    def remove(self) -> None:
        """All of it."""
        remove_tree(self.path)


def names(base: str) -> list[str]:
    """Ids of all sessions that have a directory."""
    try:
        return sorted(name for name in os.listdir(f"{base}/sessions") if is_session_id(name))
    except OSError:
        return []


def temporary(base: str) -> Iterator[str]:
    """Directories that were never claimed."""
    with contextlib.suppress(OSError):
        yield from (name for name in os.listdir(f"{base}/sessions") if name.startswith(TEMPORARY))


def held(base: str, name: str) -> bool:
    """Whether a daemon lives for it."""
    try:
        descriptor = _opened(f"{base}/sessions/{name}")
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def shield(base: str) -> int:
    """A lock on the directory itself: while any is held, systemd-tmpfiles takes nothing in it away for its age."""
    descriptor = _opened(base)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor


def remove_tree(path: str) -> None:
    """As far as it can be."""
    import shutil  # late: with all its formats of archives it is a part of each start that is felt

    shutil.rmtree(path, ignore_errors=True)


def _opened(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _locked(path: str) -> int:
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            remove_tree(path)
        else:
            os.unlink(path)
