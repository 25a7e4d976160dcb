"""Who may call in over the network, and how a display comes that way: the server's side, against real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import DisplayUnavailable, ProtocolError, TooManyAttempts, WeblinkOver, WeblinkRefused
from portcall.login.limits import FailureLimit
from portcall.login.tokens import Tokens
from portcall.model.user import Account
from portcall.session.weblink import Weblinks
from portcall.testing.processes import FarEnd
from portcall.wire import messages
from tests.fixtures.clocks import HandClock
from tests.session.stand import ANN, Stand, descriptors, said, until

KEY, OTHER = "k" * 32, "o" * 32


class Called(Stand):
    """A stand that takes weblinks; its clock stands still."""

    def __init__(self, folder: Path) -> None:
        self.hand = HandClock()
        super().__init__(folder, self.hand)
        self.tokens = Tokens(self.store, self.hand, folder / "local", "here")
        self.weblinks = self.again()

    def again(self) -> Weblinks:
        """As after a restart of the server."""
        return Weblinks(
            self.store, self.registry, self.hand, FailureLimit(self.hand, lambda: 3), self.tokens.verify_weblink,
            self._by_name, self.greeter.hello,
        )  # fmt: skip

    async def _by_name(self, name: str) -> Account:
        assert name == ANN.name
        return ANN

    def token(self, session_id: str = "s", user: str = "ann", seconds: float = 60.0) -> str:
        return self.tokens.sign_weblink(session_id, user, self.hand.now() + seconds)

    async def admit(self, token: str, key: str = KEY, session_id: str = "s", address: str = "192.0.2.1") -> Any:
        return await self.weblinks.admit(token, key, session_id, address)

    async def called(self, session_id: str = "s") -> FarEnd:
        """The far end of a call that was admitted."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        account, own = await self.admit(self.token(session_id), session_id=session_id)
        self.weblinks.connected(ours, account, own)
        end = FarEnd(theirs)
        self._ends.append(end)
        return end


def calling(test: Callable[[Called], Awaitable[None]]) -> Callable[[Path], None]:
    """A test on a stand of its own; no descriptor is left when it is over."""

    def plain(tmp_path: Path) -> None:
        async def work() -> None:
            before = descriptors()
            stand = Called(tmp_path)
            async with stand.open():
                await test(stand)
                stand.weblinks.close()
            await asyncio.sleep(0)
            assert descriptors() == before, "descriptors were left"

        asyncio.run(work())

    plain.__name__ = test.__name__  # type: ignore[attr-defined]
    return plain


@calling
async def test_the_first_call_binds_the_token_to_its_key(stand: Called) -> None:
    token = stand.token()
    assert await stand.admit(token) == (ANN, "s")
    assert await stand.admit(token) == (ANN, "s"), "it calls again"
    with pytest.raises(WeblinkRefused, match="used by another"):
        await stand.admit(token, OTHER)
    with pytest.raises(WeblinkRefused, match="used by another"):
        await stand.admit(stand.token(), OTHER)  # another token for the same session is no way around


@calling
async def test_the_binding_outlives_the_server_and_the_tokens_time(stand: Called) -> None:
    token = stand.token()
    await stand.admit(token)
    stand.weblinks = stand.again()
    await stand.weblinks.open()
    assert stand.weblinks.bound("s")
    stand.hand.move(10_000)
    assert await stand.admit(token) == (ANN, "s")
    with pytest.raises(WeblinkRefused, match="used by another"):
        await stand.admit(token, OTHER)


@calling
async def test_of_two_that_call_first_in_the_same_moment_one_is_let_in(stand: Called) -> None:
    token = stand.token()
    answers = await asyncio.gather(*(stand.admit(token, key) for key in (KEY, OTHER)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["WeblinkRefused", "tuple"]


@calling
async def test_a_token_that_has_expired_before_its_first_call(stand: Called) -> None:
    token = stand.token(seconds=60)
    stand.hand.move(61)
    with pytest.raises(WeblinkRefused, match="expired"):
        await stand.admit(token)


@calling
async def test_tokens_that_are_not_ours_or_are_for_something_else(stand: Called) -> None:
    order = stand.tokens.sign_order("s", "ann", "ann", "default", stand.hand.now() + 60)
    for wrong in ("", "x", "é", order, stand.token()[:-4] + "AAAA", "a" * 10_000):
        stand.weblinks = stand.again()
        with pytest.raises(WeblinkRefused, match="not one of this server's"):
            await stand.admit(wrong)
    assert stand.tokens.verify_order(stand.token()) is None


@calling
async def test_a_token_for_another_session_or_account(stand: Called) -> None:
    with pytest.raises(WeblinkRefused, match="for another session"):
        await stand.admit(stand.token("s"), session_id="t")
    await stand.registry.add(replace(said("s"), user="bob"))
    with pytest.raises(WeblinkRefused, match="not one of ann's"):
        await stand.admit(stand.token("s"))


@calling
async def test_a_call_without_a_secret_of_its_own(stand: Called) -> None:
    for key in ("", "short", "x" * 1000):
        stand.weblinks = stand.again()
        with pytest.raises(WeblinkRefused, match="Weblink-Key"):
            await stand.admit(stand.token(), key)


@calling
async def test_a_session_that_was_purged_is_told_so(stand: Called) -> None:
    await stand.registry.add(replace(said("s"), user="ann"))
    await stand.registry.purge("s")
    with pytest.raises(WeblinkOver, match="purged"):
        await stand.admit(stand.token())


@calling
async def test_with_its_record_gone_a_token_is_never_good_again(stand: Called) -> None:
    token = stand.token()
    await stand.admit(token)
    stand.weblinks.forget("s")
    await until(lambda: not stand.weblinks._tasks)
    assert not stand.weblinks.bound("s")
    for key in (KEY, OTHER):
        with pytest.raises(WeblinkOver):
            await stand.admit(token, key)
    stand.hand.move(61)  # the store has forgotten it, and its time is over
    with pytest.raises(WeblinkRefused, match="expired"):
        await stand.admit(token)


@calling
async def test_who_is_refused_again_and_again_must_wait_and_others_need_not(stand: Called) -> None:
    for _ in range(3):
        with pytest.raises(WeblinkRefused):
            await stand.admit("wrong")
    with pytest.raises(TooManyAttempts) as refusal:
        await stand.admit("wrong")
    assert refusal.value.extra["retry_after"] > 0
    assert await stand.admit(stand.token()) == (ANN, "s"), "a good token is good, from there too"
    with pytest.raises(WeblinkRefused):
        await stand.admit("wrong", address="192.0.2.2")


@calling
async def test_a_session_says_hello_over_it_and_is_asked_things(stand: Called) -> None:
    end = await stand.called()
    end.hello(said(), "running")
    await end.hears(messages.Watched)
    session = stand.registry.get("s")
    assert (session.user, session.state) == ("ann", "running"), "whose it is, is the token's word"
    end.answers[messages.ReadLog] = lambda _: ({"log": "words", "size": 5}, [])
    peer = stand.reports.peer("s")
    assert peer is not None
    assert await peer.request(lambda seq: messages.ReadLog(seq, 10)) == ({"log": "words", "size": 5}, [])
    end.say(messages.Ping())
    end.say(messages.SessionReport("s", {"name": "new"}))
    await until(lambda: stand.registry.get("s").name == "new")


@calling
async def test_over_it_a_session_speaks_of_itself_alone(stand: Called) -> None:
    end = await stand.called()
    end.hello(said("other"))
    await end.until(end.closed.is_set)
    assert stand.registry.find("other") is None
    link = await stand.called()
    link.say(messages.LinkHello(messages.VERSION, 1))
    await link.until(link.closed.is_set)
    assert stand.links == []


@calling
async def test_a_display_comes_with_the_token_that_was_sent(stand: Called) -> None:
    end = await stand.called()
    end.hello(said(), "running")
    await end.hears(messages.Watched)
    ways: list[socket.socket] = []

    def dials(message: messages.OpenDisplay) -> Any:
        async def dial() -> None:
            far, near = socket.socketpair()
            ways.append(far)
            (await stand.weblinks.display(message.token, "192.0.2.1"))(near)
            with pytest.raises(WeblinkRefused):
                await stand.weblinks.display(message.token, "192.0.2.1")  # once

        stand.dialling = asyncio.ensure_future(dial())  # type: ignore[attr-defined]
        return {}, []

    end.answers[messages.OpenDisplay] = dials
    descriptor = await stand.connections.descriptor("s", 5)
    with socket.socket(fileno=descriptor) as sock, ways[0]:
        ways[0].send(b"RFB")
        assert sock.recv(3) == b"RFB"
    await stand.dialling  # type: ignore[attr-defined]


@calling
async def test_a_display_that_cannot_be_opened_says_why(stand: Called) -> None:
    end = await stand.called()
    end.hello(said(), "running")
    await end.hears(messages.Watched)
    asking = asyncio.ensure_future(stand.connections.descriptor("s", 5))
    request = await end.hears(messages.OpenDisplay)
    end.say(messages.Reply(request.seq, {}, DisplayUnavailable("it is gone").problem()))
    with pytest.raises(DisplayUnavailable, match="it is gone"):
        await asking


@calling
async def test_one_that_comes_when_nobody_waits_any_more_is_refused(stand: Called) -> None:
    end = await stand.called()
    end.hello(said(), "running")
    await end.hears(messages.Watched)
    peer = stand.reports.peer("s")
    assert peer is not None
    asking = asyncio.ensure_future(peer.request(messages.OpenDisplay, 0.2))
    request = await end.hears(messages.OpenDisplay)
    end.say(messages.Reply(request.seq))
    with pytest.raises(ProtocolError, match="no way to the display"):
        await asking
    with pytest.raises(WeblinkRefused):
        await stand.weblinks.display(request.token, "192.0.2.1")


@calling
async def test_of_calls_that_say_nothing_only_the_last_is_kept(stand: Called) -> None:
    """Else one token could take all of the server's descriptors."""
    first = await stand.called()
    first.hello(said(), "running")
    await first.hears(messages.Watched)
    silent = [await stand.called() for _ in range(20)]
    for one in silent[:-1]:
        await one.until(one.closed.is_set)
    assert not silent[-1].closed.is_set()
    assert not first.closed.is_set(), "who has said hello is there until another has, too"
    silent[-1].hello(said(), "running")
    await silent[-1].hears(messages.Watched)
    await first.until(first.closed.is_set)


@calling
async def test_a_session_that_is_connected_on_this_host_is_nobody_elses_by_its_token(stand: Called) -> None:
    """It has not needed its token, which then is good for whoever finds it first."""
    session = await stand.session()
    other = await stand.called()
    other.hello(said(), "running")
    await other.until(other.closed.is_set)
    peer = stand.reports.peer("s")
    assert peer is not None
    assert not peer.session_id
    session.close()
    await until(lambda: stand.reports.peer("s") is None)
    again = await stand.called()
    again.hello(said(), "running")
    await again.hears(messages.Watched)
