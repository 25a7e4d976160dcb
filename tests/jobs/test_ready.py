"""Whether schedulers are there is found by asking them, and rarely."""

from __future__ import annotations

import asyncio

import pytest

from portcall import plugins
from portcall.jobs.ready import Ready
from portcall.launchers.base import Scheduler
from portcall.model.start import Invocation, Output
from portcall.testing.time import VirtualClock, in_virtual_time

GRID_ENGINES = (
    'error: unable to read qmaster name: can\'t open "/var/lib/gridengine/default/common/act_qmaster" for reading\n'
)


class Service:
    """Answers every question with ``output``, once ``hold`` is set."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.asked: list[Invocation] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.clock = VirtualClock()
        self.ready = Ready(self.run, self.clock, asyncio.create_task)

    async def run(self, invocation: Invocation) -> Output:
        self.asked.append(invocation)
        await self.hold.wait()
        return self.output


def scheduler(name: str) -> Scheduler:
    found = plugins.find("launchers", name)()
    assert isinstance(found, Scheduler)
    return found


@in_virtual_time
async def test_one_that_answers_has_no_problem_and_is_not_asked_again_at_once() -> None:
    service = Service(Output(0))
    answers = await asyncio.gather(*(service.ready.problem(scheduler("slurm")) for _ in range(9)))
    assert (set(answers), len(service.asked)) == ({""}, 1)
    assert service.asked[0].as_service
    service.output = Output(1, "", "slurm_load_jobs error: Unable to contact slurm controller\n")
    assert await service.ready.problem(scheduler("slurm")) == ""
    await asyncio.sleep(31)
    said = await service.ready.problem(scheduler("slurm"))
    assert said == "Slurm does not answer: slurm_load_jobs error: Unable to contact slurm controller"


@pytest.mark.parametrize(("name", "title"), [("pbs", "PBS"), ("torque", "Torque"), ("gridengine", "Grid Engine")])
@pytest.mark.parametrize("said", [GRID_ENGINES, "GE 2011.11p1\nusage: qstat [options]\n"])
def test_a_qsub_alone_makes_no_scheduler_ready(name: str, title: str, said: str) -> None:
    @in_virtual_time
    async def test() -> None:
        problem = await Service(Output(1, "", said)).ready.problem(scheduler(name))
        if name == "gridengine":
            assert problem.startswith("Grid Engine does not answer: ")
        else:
            assert problem.startswith(f"{title} is not here, the qstat of this server is Grid Engine's: ")
        assert "\n" not in problem

    test()


@in_virtual_time
async def test_nobody_waits_long_for_one_that_hangs() -> None:
    service = Service(Output(0))
    service.hold.clear()
    assert await service.ready.problem(scheduler("lsf")) == "LSF has not answered within 5 s."
    assert await service.ready.problem(scheduler("lsf")) == "LSF has not answered within 5 s."
    service.hold.set()
    service.output = Output(0, '{"RECORDS": []}')
    await asyncio.sleep(0)
    assert (await service.ready.problem(scheduler("lsf")), len(service.asked)) == ("", 1)
