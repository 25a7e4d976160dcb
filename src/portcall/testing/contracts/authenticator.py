"""What every authenticator must pass. A subclass gives ``authenticator`` and ``wrong``: what is to be refused."""

from __future__ import annotations

from typing import Any

import pytest

from portcall.authenticators.base import Authenticator, Round
from portcall.errors import LoginFailed

Refused = list[tuple[str, dict[str, Any]]]


class AuthenticatorContract:
    def test_it_has_a_name_and_a_title(self, authenticator: Authenticator) -> None:
        assert authenticator.name.isidentifier()
        assert authenticator.title

    def test_what_keeps_it_from_being_offered_is_a_sentence_or_nothing(self, authenticator: Authenticator) -> None:
        reason = authenticator.unavailable()
        assert isinstance(reason, str)
        assert "\n" not in reason

    async def test_what_is_wrong_is_refused_in_words_that_tell_nothing(
        self, authenticator: Authenticator, wrong: Refused
    ) -> None:
        async def nobody(asked: Round) -> list[str]:
            return ["" for _ in asked.prompts] or [""]

        said = set()
        for user, given in wrong:
            with pytest.raises(LoginFailed) as refusal:
                await authenticator.authenticate(user, given, nobody, "192.0.2.7")
            said.add(refusal.value.detail)
            for secret in (value for value in given.values() if isinstance(value, str) and len(value) > 3):
                assert secret not in refusal.value.detail
        assert len(said) <= 2, said  # an empty secret may be told from a wrong one, a person from nobody not
