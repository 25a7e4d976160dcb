"""Seats: how many sessions there may be at once, for all, for a user, for a group. Checked last; pending ones count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portcall.errors import SeatsTaken
from portcall.model import lifecycle
from portcall.model.session import Session


def check(
    login: str,
    groups: Iterable[str],
    sessions: Iterable[Session],
    members: Mapping[str, Iterable[str]],
    total: int,
    for_user: int,
    for_groups: Mapping[str, int],
) -> None:
    """SeatsTaken, with the limit and the figure, where one more session of ``login`` would be too many.

    ``members`` gives the groups of each login in ``sessions``; a limit of 0 is none.
    """
    live = [session for session in sessions if session.state in lifecycle.LIVE]
    own = sum(session.login == login for session in live)
    if for_user and own >= for_user:
        raise SeatsTaken(
            f"You have {own} {_sessions(own)}, and {for_user} at once is the limit. End one of them first.",
            limit=for_user, used=own, of="user",
        )  # fmt: skip
    for group in groups:
        limit = for_groups.get(group, 0)
        used = sum(group in members.get(session.login, ()) for session in live)
        if limit and used >= limit:
            raise SeatsTaken(
                f"The group {group} has {used} {_sessions(used)}, and {limit} at once is its limit.",
                limit=limit, used=used, of=group,
            )  # fmt: skip
    if total and len(live) >= total:
        raise SeatsTaken(
            f"There are {len(live)} {_sessions(len(live))} here, and {total} at once is the limit. Try again later.",
            limit=total, used=len(live), of="all",
        )  # fmt: skip


def _sessions(count: int) -> str:
    return "session" if count == 1 else "sessions"
