"""SSH keys for a login: from a file or from the agent; they sign only what such a login has to say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from portcall.cli.ask import need_person, one
from portcall.errors import InvalidValue, PortcallError, ProtocolError

_USERAUTH_REQUEST = 50  # RFC 4252 5


class Key:
    """A key whose private half is here or in the agent."""

    def __init__(self, pair: Any, in_agent: bool = False) -> None:
        self._pair, self._in_agent = pair, in_agent
        self.public_data: bytes = pair.public_data
        self.public = f"{pair.algorithm.decode()} {base64.b64encode(self.public_data).decode()}"

    def sign(self, data: str, user: str) -> str:
        """The signature (base64) over a server's challenge, which must be that of an SSH login of ``user``.

        A key that signed anything at all could be made to sign something else by a server that is not honest.
        """
        challenge = base64.b64decode(data)
        algorithm = signature_algorithm(challenge, user, self.public_data)
        return base64.b64encode(asyncio.run(self._sign(challenge, algorithm))).decode()

    async def _sign(self, challenge: bytes, algorithm: bytes) -> bytes:
        pair = self._pair
        if self._in_agent:
            # a connection to the agent belongs to the event loop that it was made in
            async with _agent() as pairs:
                pair = next(key for key in pairs if key.public_data == self.public_data)
                pair.set_sig_algorithm(algorithm)
                return bytes(await pair.sign_async(challenge))
        pair.set_sig_algorithm(algorithm)
        return bytes(pair.sign(challenge))


def signature_algorithm(challenge: bytes, user: str, public: bytes) -> bytes:
    """The algorithm named in a publickey request (RFC 4252 7); ProtocolError for anything else."""
    try:
        rest, parts = challenge, []
        _, rest = _string(rest)  # the SSH connection's session id
        number, rest = rest[0], rest[1:]
        for _ in range(3):
            part, rest = _string(rest)
            parts.append(part)
        signed, rest = rest[0], rest[1:]
        algorithm, rest = _string(rest)
        blob, rest = _string(rest)
    except (IndexError, struct.error) as error:
        raise ProtocolError("the server wants something signed that is no SSH login") from error
    expected = [user.encode(), b"ssh-connection", b"publickey"]
    if number != _USERAUTH_REQUEST or parts != expected or not signed or rest or blob != public:
        raise ProtocolError("the server wants something signed that is no SSH login of yours")
    return algorithm


def _string(data: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack_from(">I", data)
    if len(data) < 4 + size:
        raise IndexError
    return data[4 : 4 + size], data[4 + size :]


def from_file(name: str) -> Iterator[Key]:
    """The key of a private key's file; for the public half, the agent's."""
    import asyncssh

    path = Path(name).expanduser()
    try:
        if path.suffix == ".pub":
            public = asyncssh.read_public_key(path).public_data
            matching = [key for key in from_agent() if key.public_data == public]
            if not matching:
                raise PortcallError(f"The SSH agent does not hold {path}.")
            yield matching[0]
            return
        try:
            private = asyncssh.read_private_key(path)
        except asyncssh.KeyImportError as error:
            if "assphrase" not in str(error):
                raise
            need_person(f"The passphrase of {path}")
            private = asyncssh.read_private_key(path, one(f"Passphrase of {path}", echo=False))
        yield Key(asyncssh.load_keypairs([private])[0])
    except asyncssh.KeyEncryptionError as error:
        # OpenSSH's own format needs bcrypt, which need not be there; the agent can always read it
        raise InvalidValue(f"{path} cannot be decrypted here. Run: ssh-add {path}; then: --key {path}.pub") from error
    except (OSError, ValueError, asyncssh.Error) as error:
        raise InvalidValue(f"{path}: {error}") from error


def from_agent() -> Iterator[Key]:
    """The agent's keys, in its order."""
    if not os.environ.get("SSH_AUTH_SOCK"):
        raise PortcallError("There is no SSH agent (SSH_AUTH_SOCK is not set).")
    return iter(asyncio.run(_agent_keys()))


async def _agent_keys() -> list[Key]:
    async with _agent() as pairs:
        return [Key(pair, in_agent=True) for pair in pairs]


@contextlib.asynccontextmanager
async def _agent() -> AsyncIterator[list[Any]]:
    """The agent's key pairs, while it is connected."""
    import asyncssh

    try:
        agent = await asyncssh.connect_agent()
        pairs = list(await agent.get_keys())
    except (OSError, ValueError) as error:
        raise PortcallError(f"The SSH agent does not answer: {error}") from error
    try:
        yield pairs
    finally:
        agent.close()
        await agent.wait_closed()
