"""portcall simulate."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options
from portcall.cli.reach import current
from portcall.errors import InvalidValue

if TYPE_CHECKING:
    from portcall.simulate.figures import Outcome
    from portcall.simulate.servers import Server
    from portcall.simulate.start import Start

_LOAD = 8.0  # sessions on each server, on average, where no rate is given
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command("simulate", examples=[
    ("portcall simulate --chain fewest_sessions --chain most_free_memory", "10,000 made-up starts on 100 servers"),
    ("portcall simulate --replay ls.json --servers servers.json --chain needs_gpu,./mine.js", "starts that happened"),
    ("portcall simulate --replay job.swf --servers 1000 --chain @chain.json --plot out.svg", "a cluster's job trace"),
    ("portcall simulate --recorded --chain fewest_sessions --json", "the last starts of the server, on its servers"),
    ("portcall simulate --servers 10000 --starts 100000 --arrival bursty --rate 20/s --duration lognormal:2h,1.2",
     "a large place where people come in bursts"),
])  # fmt: skip
@click.option("--chain", "chains", metavar="CHAIN", multiple=True,
              help="Steps with commas between: policies and files of functions (.js, .py, programs); or @FILE, a "
              "chain's JSON document. Repeat to compare. Else user_selection,fewest_sessions.")  # fmt: skip
@click.option("--servers", metavar="N|FILE", help="So many made-up servers (100), or the JSON of portcall servers.")
@click.option("--server-memory", metavar="SIZE,...", default="64G", show_default=True,
              help="Memory of made-up servers, in turn.")  # fmt: skip
@click.option("--most", type=click.IntRange(0), default=0, help="Sessions at most on a made-up server; 0: no limit.")
@click.option("--replay", metavar="FILE", type=_FILE,
              help="Starts that happened: JSON lines or an array (sessions, traces, starts), or a Standard Workload "
              "Format trace (.swf).")  # fmt: skip
@click.option("--recorded", is_flag=True, help="The sessions and refused starts that the server knows of.")
@click.option("--starts", type=click.IntRange(1), default=10_000, show_default=True, help="Made-up starts.")
@click.option("--arrival", type=click.Choice(("poisson", "bursty", "constant")), default="poisson", show_default=True,
              help="How made-up starts come.")  # fmt: skip
@click.option("--rate", metavar="N/s|m|h", help="How many come; else as many as make 8 sessions on each server.")
@click.option("--duration", metavar="NAME:MEAN", default="lognormal:2h,1", show_default=True,
              help="How long sessions last: exponential:1h, lognormal:2h,1.2 (mean and sigma), constant:30m, "
              "uniform:1h,0.5.")  # fmt: skip
@click.option("--memory", metavar="NAME:MEAN", default="lognormal:1G,0.5", show_default=True,
              help="What they take, by the same names.")  # fmt: skip
@click.option("--users", type=click.IntRange(1), default=500, show_default=True, help="People who start them.")
@click.option("--update", metavar="TIME", default="10", show_default=True,
              help="Time between a server's records: how late others see what changed.")  # fmt: skip
@click.option("--startup", metavar="TIME", default="2", show_default=True, help="Until a session runs.")
@click.option("--retry", metavar="TIME", default="15", show_default=True,
              help="Until a start for which no server fits is tried again.")  # fmt: skip
@click.option("--patience", metavar="TIME", default="5m", show_default=True, help="Until it is refused; 0: at once.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same figures.")
@click.option("--plot", metavar="FILE", type=click.Path(dir_okay=False, writable=True, path_type=Path),
              help="Write the course of it as an SVG picture.")  # fmt: skip
@json_option
@server_options
def simulate(chains: tuple[str, ...], servers: str | None, replay: Path | None, recorded: bool, plot: Path | None,
             as_json: bool, **given: Any) -> None:  # fmt: skip
    """Replay starts in virtual time, to compare chains of load balancing.

    Starts are made up by distributions, read from a file, or those that the server recorded. Nothing is started.
    Waits, refusals and the imbalance between servers are shown side by side.
    Records of servers come late, as they do in reality; a start for which no server fits waits and is tried again.
    """
    if replay and recorded:
        raise click.UsageError("Give --replay or --recorded, not both.")
    from portcall.simulate import plot as plots

    machines = _servers(servers, recorded, given)
    starts = _starts(replay, recorded, len(machines), given)
    outcomes = asyncio.run(_compare(chains or ("user_selection,fewest_sessions",), machines, starts, given))
    if plot:
        plot.write_text(plots.svg(outcomes), encoding="utf-8")
    if as_json:
        output.document(
            {"servers": len(machines), "starts": len(starts), "chains": [one.document() for one in outcomes]}
        )
    else:
        _show(outcomes, plots.text(outcomes))


def _servers(text: str | None, recorded: bool, given: dict[str, Any]) -> list[Server]:
    from portcall.simulate import servers, synthetic

    if text is None and recorded:
        return servers.of(current().client().servers(), "the server's list")
    if text is None or text.isdecimal():
        sizes = [int(synthetic.size(one)) for one in given["server_memory"].split(",")]
        return servers.make_up(int(text or 100), sizes, most=given["most"])
    return servers.read(Path(text))


def _starts(replay: Path | None, recorded: bool, servers: int, given: dict[str, Any]) -> list[Start]:
    from portcall.simulate import recorded as happened
    from portcall.simulate import synthetic

    if replay or recorded:
        starts, unusable = happened.read(replay) if replay else happened.of_documents(_happened())
        if not starts:
            raise InvalidValue(f"{replay or 'the server'}: there is no start in it")
        if unusable:
            click.echo(f"portcall: {unusable} entries were left out: no start, or nothing known of it", err=True)
        return starts
    duration = synthetic.distribution(given["duration"], synthetic.seconds)
    memory = synthetic.distribution(given["memory"], synthetic.size)
    per_second = synthetic.rate(given["rate"]) if given["rate"] else servers * _LOAD / duration.mean
    return synthetic.make_up(
        given["starts"], given["arrival"], per_second, duration, memory, given["users"], given["seed"]
    )


def _happened() -> list[dict[str, Any]]:
    from portcall.model import codec

    client = current().client()
    return [*(codec.to_document(one) for one in client.sessions(everybody=True)), *client.traces(everybody=True)]


async def _compare(
    texts: tuple[str, ...], servers: list[Server], starts: list[Start], given: dict[str, Any]
) -> list[Outcome]:
    from portcall import plugins
    from portcall.functions.base import Engine
    from portcall.simulate import chains, synthetic
    from portcall.simulate.replay import Replay, Rules
    from portcall.simulate.servers import fresh

    times = {name: synthetic.seconds(given[name]) for name in ("update", "startup", "retry", "patience")}
    rules = Rules(**times, seed=given["seed"])
    engines: dict[str, Engine] = {}

    def engine(name: str) -> Engine:
        if name not in engines:
            engines[name] = plugins.find("functions", name)()
        return engines[name]

    def policy(name: str) -> Any:
        return plugins.find("policies", name)

    try:
        read = [chains.read(text) for text in texts]
        checked = [(one, await chains.policies(one, policy, plugins.names("policies"), engine)) for one in read]
        outcomes = []
        for chain, steps in checked:
            told = _progress(chain.name, len(starts))
            run = Replay(chain.name, steps, chain.fits(), fresh(servers), rules, told)
            outcomes.append(await run.run(starts))
        return outcomes
    finally:
        for one in engines.values():
            await one.close()


def _progress(chain: str, starts: int) -> Callable[[int], None]:
    """On standard error: drawn over itself for a person, else a line now and then."""
    person = sys.stderr.isatty()
    told = [time.monotonic()]

    def tell(done: int) -> None:
        now = time.monotonic()
        if now - told[0] >= (0.2 if person else 10) or (person and done == starts):
            told[0] = now
            end = "\r" if person and done < starts else "\n"
            sys.stderr.write(f"{output.neutral(chain)}: {done} of {starts} starts ({100 * done // starts} %){end}")
            sys.stderr.flush()

    return tell


def _show(outcomes: list[Outcome], pictures: list[str]) -> None:
    found = [outcome.figures() for outcome in outcomes]
    rows = [(name, *(_number(figures[name]) for figures in found)) for name in found[0]]
    output.table(("", *(outcome.chain for outcome in outcomes)), rows, cut=False)
    for outcome in outcomes:
        for why, count in outcome.refused.most_common(5):
            output.line(f"{count} refused by {output.neutral(outcome.chain)}: {output.neutral(why)}")
    output.line()
    for text in pictures:
        output.line(output.neutral(text))


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
