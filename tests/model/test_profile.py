"""Who may use which profile."""

from __future__ import annotations

from typing import Any

import pytest

from portcall.errors import InvalidValue, ProfileForbidden
from portcall.model.profile import DEFAULT, Groups, Profile, check_everybodys, check_use, offered

OPEN = Profile("open")
STAFF = Profile("staff", groups=["staff", "it"])
KIOSK = Profile("kiosk", hidden=True)
BOTH = Profile("both", groups=["staff"], hidden=True)
THERE = [DEFAULT, OPEN, STAFF, KIOSK, BOTH]


@pytest.mark.parametrize(
    ("profile", "groups", "chosen", "given"),
    [
        (DEFAULT, [], True, True), (OPEN, [], True, True),
        (STAFF, [], False, False), (STAFF, ["users"], False, False), (STAFF, ["users", "it"], True, True),
        (STAFF, None, True, True),
        (KIOSK, [], False, True), (KIOSK, None, False, True),
        (BOTH, [], False, False), (BOTH, ["staff"], False, True), (BOTH, None, False, True),
        (Profile("default", groups=["staff"], hidden=True), [], True, True),
    ],
)  # fmt: skip
def test_who_may_use_what(profile: Profile, groups: Groups, chosen: bool, given: bool) -> None:
    assert offered(profile, groups) == chosen
    for by_administrators, may in ((False, chosen), (True, given)):
        if may:
            check_use(profile, groups, by_administrators, THERE)
            continue
        with pytest.raises(ProfileForbidden) as refusal:
            check_use(profile, groups, by_administrators, THERE)
        assert refusal.value.extra["field"] == "profile"
        assert refusal.value.extra["profiles"] == [one.name for one in THERE if offered(one, groups)]


@pytest.mark.parametrize(
    ("profile", "groups", "given", "words"),
    [
        (STAFF, ["users"], False, "The profile 'staff' is for members of the groups staff and it, and you are none. "
                                  "You may choose: default, open."),
        (BOTH, [], True, "The profile 'both' is for members of the group staff, and you are none. "
                         "Ask your administrators, or start something else."),
        (KIOSK, ["it"], False, "The profile 'kiosk' is for bookmarks alone: start one that has it, or choose another "
                               "profile. You may choose: default, open, staff."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(profile: Profile, groups: Groups, given: bool, words: str) -> None:
    with pytest.raises(ProfileForbidden) as refusal:
        check_use(profile, groups, given, THERE)
    assert str(refusal.value) == words


@pytest.mark.parametrize("members", [{"groups": ["staff"]}, {"hidden": True}])
def test_the_default_one_is_everybodys(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="the profile default is for everybody") as refusal:
        check_everybodys(Profile("default", **members))
    assert refusal.value.extra["field"] == next(iter(members))
    check_everybodys(Profile("other", **members))
