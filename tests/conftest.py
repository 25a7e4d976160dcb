"""Which tests run where, and what tests of all folders share.

`root` tests are left out, by name, where there is no root. A skipped test is a failure in CI: there, everything that
a test needs has been installed, and a skip would hide that it has not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

from tests.accounts import Account
from tests.installation import TOP, install_into

IN_CI = bool(os.environ.get("CI"))
NEED_ROOT = pytest.StashKey[list[str]]()

# No clock in the verdict, no folder left behind; the same examples each time in CI.
settings.register_profile("portcall", deadline=None, database=None, derandomize=IN_CI)
settings.load_profile("portcall")


def pytest_configure() -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the server's own: pipes and sockets differ in small ways
    # a job in the background of a script ignores it, and so would all that the tests start and interrupt
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tally", type=Path, help="write the counts to this file, as JSON (for scripts/check)")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    for item in items:
        if item.path.is_relative_to(TOP / "tests/features"):
            item.add_marker("serial")
    yield  # -m and -k choose here; what needs root is counted only if it would have run
    if os.geteuid() != 0:
        left_out = [item for item in items if item.get_closest_marker("root")]
        config.stash[NEED_ROOT] = [item.nodeid for item in left_out]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = (
            "failed",
            f"{item.nodeid} was skipped, which CI does not accept: {report.longrepr}",
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if IN_CI and report.skipped:
        report.outcome, report.longrepr = (
            "failed",
            f"{collector.nodeid} was skipped, which CI does not accept: {report.longrepr}",
        )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    need_root = config.stash.get(NEED_ROOT, [])
    if need_root:
        terminalreporter.section("left out: these need root")
        for name in need_root:
            terminalreporter.line(name)
    tally = config.getoption("--tally")
    if tally:
        count = {outcome: len(reports) for outcome, reports in terminalreporter.stats.items()}
        tally.write_text(
            json.dumps(
                {
                    "passed": count.get("passed", 0) + count.get("xfailed", 0),
                    "failed": count.get("failed", 0) + count.get("error", 0),
                    "skipped": count.get("skipped", 0),
                    "deselected": len(need_root),
                }
            )
        )


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """A folder with a whole installation in it (`usr/lib/portcall`, `usr/bin/portcall`, …) that every user can read.

    The clone itself may be in a folder that only its owner can enter.
    """
    with tempfile.TemporaryDirectory(prefix="portcall-installed-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        install_into(Path(folder))
        yield Path(folder)


@pytest.fixture(scope="session")
def new_account() -> Iterator[Callable[[], Account]]:
    """Makes Linux users with a home and a password; they and their processes are gone afterwards."""
    with contextlib.ExitStack() as removals:

        def make() -> Account:
            account = Account.make()
            removals.callback(account.remove)
            return account

        yield make
