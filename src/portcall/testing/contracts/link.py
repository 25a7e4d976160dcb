"""What every way to get a link must pass. A subclass gives ``kind``, and ``account``: one that it can run as here."""

from __future__ import annotations

import pytest

from portcall.errors import NoLink
from portcall.links.base import LinkKind, LinkPlan
from portcall.model.user import Account


class LinkContract:
    def test_it_has_a_name(self, kind: LinkKind) -> None:
        assert kind.name.isidentifier()

    def test_why_it_cannot_be_taken_is_a_sentence_or_nothing(self, kind: LinkKind, account: Account) -> None:
        assert kind.unavailable(account) == ""
        nobody = Account("no-such-user", 4_000_000_000, 4_000_000_000, "/nonexistent", "/bin/false")
        assert "\n" not in kind.unavailable(nobody)

    async def test_a_command_that_fails_is_told_in_its_words(self, kind: LinkKind, account: Account) -> None:
        failing = ("/bin/sh", "-c", "echo the disk is full >&2; exit 3")
        with pytest.raises(NoLink, match="the disk is full"):
            await kind.start(LinkPlan(account, failing))

    async def test_a_command_that_is_not_there_is_told(self, kind: LinkKind, account: Account) -> None:
        with pytest.raises(NoLink):
            await kind.start(LinkPlan(account, ("/nonexistent/portcall-link",)))
