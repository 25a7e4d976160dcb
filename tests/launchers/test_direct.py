"""Start Immediately keeps the launchers' contract."""

from __future__ import annotations

import pytest

from portcall.launchers.direct import Direct
from portcall.testing.contracts.launcher import LauncherContract, host, order


class TestDirect(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Direct:
        return Direct()

    def test_the_link_starts_the_session_itself(self, launcher: Direct) -> None:
        assert launcher.invocation(order(), host()).argv == ()
