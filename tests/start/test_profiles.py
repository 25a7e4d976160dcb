"""Profiles that are some groups' alone, or for bookmarks alone: a start that may not have one is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import PortcallError, ProfileForbidden, SettingRefused, UnknownProfile
from portcall.model.administered import FunctionDocument
from portcall.model.form import Bookmark
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.model.start import StartOrder, StartRequest
from portcall.model.user import Login
from portcall.testing.server import PEOPLE, Server

USER, SEEN = PEOPLE["full"], {"clientIP": "192.0.2.7", "clientTransport": "API"}
PROFILES = (
    Profile("open"), Profile("mine", groups=["nobody-else", USER]), Profile("theirs", groups=["nobody-else"]),
    Profile("kiosk", hidden=True), Profile("their-kiosk", groups=["nobody-else"], hidden=True),
)  # fmt: skip
THERE = "default, mine, open"


def served(test: Callable[[Server], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        async with Server(folder).open() as server:
            documents = server.services.documents
            for profile in PROFILES:
                await documents.profiles.put(profile.name, profile, "root")
                bookmark = Bookmark(profile.name, profile.name, "xclock", profile=profile.name)
                await documents.bookmarks.put(bookmark.id, bookmark, "root")
            await documents.bookmarks.put("any", Bookmark("any", "any", "xclock", profile=""), "root")
            await test(server)

    asyncio.run(run())


async def ordered(server: Server, level: str = "full", **asked: Any) -> StartOrder:
    link = server.link(USER)
    login = Login(USER, "here", 0.0, 9e9, "api", "jti", "test", level)
    await server.services.pipeline.start(login, StartRequest(**{"command": "xterm", **asked}), SEEN, True)
    order: StartOrder = link.orders[-1]
    return order


def test_one_chooses_what_is_everybodys_and_ones_groups(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        for name in ("open", "mine"):
            assert (await ordered(server, profile=name)).profile == name
        for name, words in {"theirs": "members of the group nobody-else", "kiosk": "for bookmarks alone"}.items():
            with pytest.raises(ProfileForbidden, match=words) as refusal:
                await ordered(server, profile=name)
            assert f"You may choose: {THERE}." in str(refusal.value)
            trace = await server.services.traces.document(refusal.value.extra["trace"])
            assert trace["steps"][-1]["result"] == "profile-forbidden"
        with pytest.raises(UnknownProfile, match=f"there are: {THERE}$"):
            await ordered(server, profile="nonesuch")
        assert (await ordered(server, "admin", profile="theirs")).profile == "theirs"

    served(test, tmp_path)


def test_a_bookmark_brings_a_hidden_profile_but_lets_nobody_into_a_group(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        for name in ("open", "mine", "kiosk"):
            assert (await ordered(server, bookmark_id=name)).profile == name
        for name in ("theirs", "their-kiosk"):
            with pytest.raises(ProfileForbidden, match="Ask your administrators"):
                await ordered(server, bookmark_id=name)
        assert (await ordered(server, bookmark_id="any", profile="mine")).profile == "mine"
        with pytest.raises(ProfileForbidden, match="for bookmarks alone"):
            await ordered(server, bookmark_id="any", profile="kiosk")

    served(test, tmp_path)


@pytest.mark.parametrize(("name", "given"), [("kiosk", True), ("open", True), ("theirs", False)])
def test_an_administrators_function_may_name_a_hidden_one(name: str, given: bool, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        source = f"(input) => {{ input.data.profile = '{name}'; return input }}"
        pick = FunctionDocument("pick", "start-event", "pick", source)
        await server.services.documents.functions.put("pick", pick, "root")
        if given:
            assert (await ordered(server)).profile == name
        else:
            with pytest.raises(ProfileForbidden):
                await ordered(server)

    served(test, tmp_path)


def test_a_session_by_hand_must_pass_and_one_that_was_granted_a_profile_keeps_it(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        services = server.services
        account = await services.start_account(USER)

        async def admitted(session: Session) -> str:
            try:
                return (await services.reports._admit(session, account)).profile
            except PortcallError as refusal:
                return refusal.code

        def called(session_id: str, profile: str, command: str = "xclock") -> Session:
            return Session(session_id, "here", USER, USER, command, profile=profile)

        assert [await admitted(called("s", name)) for name in ("", "open", "mine")] == ["default", "open", "mine"]
        assert [await admitted(called("s", name)) for name in ("theirs", "kiosk")] == ["profile-forbidden"] * 2
        order = await ordered(server, bookmark_id="kiosk")
        assert await admitted(called(order.id, "kiosk")) == "kiosk"
        # its job's script can be edited: the bookmark was for its own command
        assert await admitted(called(order.id, "kiosk", "xterm")) == "profile-forbidden"

    served(test, tmp_path)


@pytest.mark.parametrize("member", ['groups = ["staff"]', "hidden = true"])
def test_the_default_of_a_file_is_everybodys(member: str, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = server.services.config.directories.config / "profiles.toml"
        path.write_text(f'[small]\nhidden = true\n[default]\ngeometry = "800x600"\n{member}\n')
        (wrong,) = server.services.documents.reload()
        assert isinstance(wrong, SettingRefused)
        name = member.partition(" ")[0]
        assert str(wrong) == f"{path}:5: [default] {name}: the profile default is for everybody"
        assert server.services.profiles.find("small") is None  # what was in force stays

    served(test, tmp_path)
