"""Launchers by the API: which there are, what they are set to, a dry run, and a start that tries one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.testing.server import PEOPLE, Server

FULL, ADMIN = PEOPLE["full"], PEOPLE["admin"]


def served(test: Callable[[Server], Awaitable[None]], folder: Path, **settings: Any) -> None:
    async def run() -> None:
        async with Server(folder, **settings).open() as server:
            await test(server)

    asyncio.run(run())


def named(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in document["launchers"] if item["name"] == name)


def test_the_list_says_which_is_the_default_and_which_could_not_start_anything(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            found = (await client.get("/api/launchers")).json()
            assert found["default"] == "direct"
            assert named(found, "direct")["problem"] is None
            assert "LAUNCHER_SCRIPT" in named(found, "custom")["problem"]
            assert {option["name"] for option in named(found, "slurm")["options"]} >= {"queue", "time", "cores"}
            assert named(found, "slurm")["scheduler"] is True

    served(test, tmp_path)


def test_the_built_in_launchers_have_the_names_that_administrators_know(tmp_path: Path) -> None:
    """S0, S1, Built In Launchers: Start Immediately (default: no scheduling), Docker, Custom."""

    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            found = (await client.get("/api/launchers")).json()
            titles = {row["title"]: (row["name"], row["own"]) for row in found["launchers"]}
            for title, name in (("Start Immediately", "direct"), ("Docker", "docker"), ("Custom", "custom")):
                assert titles[title] == (name, False)
                assert (await client.put("/api/launchers", json={"default": name})).json()["default"] == name
        assert (found["default"], named(found, "direct")["scheduler"]) == ("direct", False)

    served(test, tmp_path)


def test_a_server_without_docker_says_so_before_anybody_tries(tmp_path: Path) -> None:
    """S4: docker should be installed on systems that will launch the containers."""

    async def test(server: Server) -> None:
        (server.services.config.directories.config / "fastx.env").write_text("PATH=/nowhere\n")
        async with await server.client(ADMIN) as client:
            found = (await client.put("/api/launchers/docker", json={"set": {"image": "site/x:1"}})).json()
            assert named(found, "docker")["problem"] == "docker: there is no such program on this server."
            start = {"command": "xterm", "launcher": "docker"}
            assert (
                "There is no docker on this server" in (await client.post("/api/sessions", json=start)).json()["detail"]
            )

    served(test, tmp_path)


def test_the_default_is_one_that_there_is(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            assert (await client.put("/api/launchers", json={"default": "slurm"})).json()["default"] == "slurm"
            refused = await client.put("/api/launchers", json={"default": "slurn"})
            assert refused.is_client_error
            assert "slurm" in refused.json()["detail"]
            assert server.services.config["launcher"] == "slurm"

    served(test, tmp_path)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"set": {"time": "soon"}}, "time"),
        ({"set": {"queue": "a b"}}, "queue"),
        ({"set": {"colour": "red"}}, "colour"),
        ({"maximum": {"memory": "lots"}}, "memory"),
        ({"maximum": {"colour": "red"}}, "colour"),
        ({"people": ["extra"]}, "extra"),  # the administrator's alone
        ({"set": {"time": "0:30:00"}, "maximum": {"time": 10}}, "time"),  # nobody could start anything
    ],
)
def test_what_an_option_cannot_be_is_refused_by_name_and_nothing_is_changed(
    body: dict[str, Any], field: str, tmp_path: Path
) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            await client.put("/api/launchers/slurm", json={"set": {"queue": "short"}})
            refused = await client.put("/api/launchers/slurm", json=body)
            assert refused.status_code == 422
            assert refused.json()["field"] == field
            assert named((await client.get("/api/launchers")).json(), "slurm")["set"] == {"queue": "short"}

    served(test, tmp_path)


REFUSED = [
    ("launcher", "nosuch", "there is no launcher 'nosuch'"),
    ("launcher", "template", "a schedule function must return it"),
    ("launcher_options", {"slrm": {}}, "launcher_options.slrm: there is no launcher 'slrm'"),
    ("launcher_options", {"slurm": {"set": {"tiem": 5}}}, "launcher_options.slurm: there is no option 'tiem'"),
    ("launcher_options", {"slurm": {"set": {"time": "soon"}}}, "launcher_options.slurm: time: write MINUTES"),
    ("launcher_options", '{"slurm": {"sett": {}}}', "sett: it is none of set, maximum, people, extend"),
    ("launcher_options", {"slurm": {"set": {"time": 30}, "maximum": {"time": 10}}}, "time: 10 minutes at most"),
    ("launcher_options", {"docker": {"set": {"pull": "often"}}}, "pull: one of never, missing, always, not 'often'"),
    ("launcher_options", {"slurm": {"set": 5}}, "set: an object is needed"),
]


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_a_setting_that_would_make_every_start_fail_is_refused_where_it_is_made(
    tmp_path: Path, name: str, value: Any, said: str
) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            before = server.services.config[name]
            refused = await client.put(f"/api/settings/{name}", json={"value": value})
            assert (refused.status_code, refused.json()["field"]) == (422, name)
            assert said in refused.json()["detail"]
            assert server.services.config[name] == before

    served(test, tmp_path)


def test_who_sets_one_that_is_not_ready_is_told(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            after = (await client.put("/api/settings/launcher", json={"value": "custom"})).json()
            assert after["value"] == "custom"
            assert "custom is not ready: The custom launcher has no script" in after["problem"]
            assert (await client.put("/api/settings/launcher", json={"value": "direct"})).json()["problem"] is None

    served(test, tmp_path)


def test_what_lies_beside_the_sites_own_and_is_none_is_told(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        own = server.services.config.directories.config / "launchers"
        for name in ("Bad-Name", "slurm", "good", ".git"):
            (own / name).mkdir(parents=True)
        (own / "README.md").touch()
        async with await server.client(ADMIN) as client:
            ignored = (await client.get("/api/launchers")).json()["ignored"]
            assert [text.split(": ")[0] for text in ignored] == [
                f"{own}/Bad-Name is not used",
                f"{own}/slurm is not used",
            ]

    served(test, tmp_path)


def test_a_launcher_of_ones_own_can_be_set_as_soon_as_it_is_there(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        own = server.services.config.directories.config / "launchers"
        async with await server.client(ADMIN) as client:
            refused = await client.put("/api/settings/launcher", json={"value": "farm"})
            assert f"as soon as it is in {own}" in refused.json()["detail"]
            (own / "farm").mkdir(parents=True)
            (own / "farm/start").touch()
            assert (await client.put("/api/settings/launcher", json={"value": "farm"})).status_code == 200

    served(test, tmp_path)


BROKEN = {"launcher": "nosuch", "launcher_options": {"slurm": {"set": {"tiem": 5}}, "direct": {"sett": {}}}}


def test_settings_of_a_file_that_cannot_be_right_are_told_and_can_be_mended_one_by_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            server.services.reload()
            await server.services._tasks[-1]
            rows = {row["name"]: row for row in (await client.get("/api/settings")).json()["settings"]}
            assert "there is no launcher 'nosuch'" in rows["launcher"]["problem"]
            for said in ("slurm: there is no option 'tiem'", "direct: sett"):
                assert said in rows["launcher_options"]["problem"]
            assert rows["title"]["problem"] is None
            start = {"command": "xterm"}
            assert "set in the setting launcher" in (await client.post("/api/sessions", json=start)).json()["detail"]
            start["launcher"] = "slurm"
            said = (await client.post("/api/sessions", json=start)).json()
            assert "no option 'tiem'" in said["detail"]
            assert "launcher_options.slurm: an administrator must mend it" in said["detail"]
            body = {"set": {"time": 5}}
            assert (await client.put("/api/launchers/slurm", json=body)).status_code == 200, "though direct is wrong"
            assert (await client.put("/api/settings/launcher", json={"value": "direct"})).json()["problem"] is None

    served(test, tmp_path, **BROKEN)
    told = [line for line in capfd.readouterr().err.splitlines() if "a setting cannot be right" in line]
    assert any("no launcher 'nosuch'" in line for line in told)
    assert any("no option 'tiem'" in line for line in told)


def test_saving_options_keeps_who_extends_and_mends_what_was_wrong(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            assert (await client.put("/api/launchers/slurm", json={"set": {"time": 5}})).status_code == 200
            expected = {"set": {"time": 5}, "maximum": {}, "extend": True}
            assert server.services.config["launcher_options"]["slurm"] == expected

    served(test, tmp_path, launcher_options={"slurm": {"extend": True, "sett": {}, "set": {"tiem": 5}}})


def test_more_time_is_offered_where_users_or_the_service_may_ask_the_scheduler(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            assert (await client.get("/api/login")).json()["extendable"] == ["lsf"]
            rows = {row["name"]: row for row in (await client.get("/api/launchers")).json()["launchers"]}
            said = {name: rows[name]["extend"] for name in ("slurm", "lsf", "gridengine", "docker", "custom")}
            assert said == {"slurm": False, "lsf": False, "gridengine": None, "docker": None, "custom": None}
            after = (await client.put("/api/launchers/slurm", json={"set": {}, "extend": True})).json()
            assert [row["extend"] for row in after["launchers"] if row["name"] == "slurm"] == [True]
            assert (await client.get("/api/login")).json()["extendable"] == ["lsf", "slurm"]
            await client.put("/api/launchers/slurm", json={"set": {}, "extend": False})
            assert (await client.get("/api/login")).json()["extendable"] == ["lsf"]

    served(test, tmp_path)


def test_a_dry_run_shows_what_would_be_run_with_the_options_and_without_secrets(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            await client.put("/api/launchers/slurm", json={"set": {"queue": "short"}, "maximum": {"cores": 8}})
            start = {"command": "xterm; id", "params": {"cores": "4"}}
            made = (await client.post("/api/launchers/slurm/dry", json=start)).json()
            assert made["user"] == ADMIN
            assert "sbatch" in " ".join(made["argv"])
            assert "short" in " ".join(made["argv"]) + made["stdin"]
            assert "xterm; id" not in " ".join(made["argv"])
            assert "SIGNATURE" in made["stdin"]
            made = await client.post("/api/launchers/slurm/dry", json={**start, "launcherOptions": {"queue": "other"}})
            assert "other" in " ".join(made.json()["argv"]) + made.json()["stdin"]
            refused = await client.post("/api/sessions", json={**start, "launcherOptions": {"queue": "other"}})
            assert (refused.status_code, refused.json()["field"]) == (422, "launcherOptions")
            start["params"]["cores"] = "9"
            refused = await client.post("/api/launchers/slurm/dry", json=start)
            assert refused.json()["detail"] == "cores: 8 at most"
            assert server.services.registry.live() == []

    served(test, tmp_path)


def test_only_administrators_name_a_launcher(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(FULL) as client:
            for path, body in (
                ("sessions", {"command": "xterm", "launcher": "slurm"}),
                ("sessions", {"command": "xterm", "launcherOptions": {"queue": "short"}}),
                ("launchers/slurm/dry", {}),
            ):
                assert (await client.post(f"/api/{path}", json=body)).status_code == 403, path
            assert (await client.get("/api/launchers")).status_code == 403

    served(test, tmp_path)


def test_what_is_set_is_kept(tmp_path: Path) -> None:
    async def change(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            await client.put("/api/launchers/slurm", json={"set": {"cores": 2}, "people": ["time"]})

    async def look(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            found = named((await client.get("/api/launchers")).json(), "slurm")
            assert (found["set"], found["people"]) == ({"cores": 2}, ["time"])
            assert json.dumps(server.services.config["launcher_options"])

    served(change, tmp_path, store="sqlite")
    served(look, tmp_path, store="sqlite")
