"""Made-up directories of a site, and what becomes of them."""

from __future__ import annotations

import base64
import json
import tomllib
from pathlib import Path

import pytest

from portcall.cluster import files
from portcall.config import load
from portcall.errors import Conflict, InvalidValue
from portcall.jobs.settings import site_settings
from portcall.login.permissions import read_rules
from portcall.moving import fastx
from portcall.moving.report import LEFT, NOTED, TAKEN, Found
from portcall.moving.write import save, toml
from tests.cli.conftest import Portcall, portcall  # noqa: F401

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A v4 configuration directory."""
    site = tmp_path / "fastx"
    for name in ("apps", "forms", "launcher-templates"):
        (site / name).mkdir(parents=True)
    (site / "apps/default.ini").write_text("forms[]=site\nscheduleDir=/etc/fastx/schedule\n")
    (site / "apps/matlab.ini").write_text(
        'name="MATLAB R2024"\ncommand=matlab -desktop\ngeometry=1600x900\nicon=matlab.png\nprofile=long\n'
        "forms[]=memory\n"
        "overrideDefaultForms=true\ngroups[]=staff\ngroups[]=students\nimage=site/matlab\n[nodeMetadataFilter]\ngpu=true\n"
    )
    (site / "apps/matlab.png").write_bytes(PNG)
    (site / "apps/xterm.ini").write_text("command=xterm\nwindowMode=multiple\n")
    (site / "apps/empty.ini").write_text("name=Nothing\n")
    (site / "forms/memory.ini").write_text(
        'name=Memory\ndescription=How much\nhtml="<label>RAM</label>\n'
        '<input name=\\"minRam\\" required onclick=\\"x()\\">"\n'
        'data={"most": 64}\nunsafe=true\n'
    )
    (site / "forms/site.html").write_text('<input name="project">')
    (site / "permissions.ini").write_text(
        "default=full\n[admin]\nusers[]=ann\ngroups=wheel\n[limited]\nusers=bob, cy\n"
        "[manager]\nusers[]=bob\nPurge=true\n"
        "Sharing=true\n[superadmin]\nusers[]=ann\n[odd]\nx=1\n"
    )
    (site / "fastx.env").write_text(
        "LAUNCHER_SCRIPT=/opt/site/launch\nLOAD_BALANCER=custom\nLOAD_BALANCER_SCRIPT='/opt/my balancer'\n"
        "METADATA_gpu=2\nFX_VAR_DIR=/data\nWHAT=1\n"
    )
    (site / "launcher-templates/docker.tpl").write_text("image: {{image}}\n")
    (site / "admin.secret").write_text("hush")
    (site / "https.ini").write_text("port=443\n")
    return site


def why(found: Found, word: str) -> list[tuple[str, str]]:
    return [(line.state, line.why) for line in found.lines if word in line.what]


def test_what_a_site_had_is_read_by_our_own_server(site: Path, tmp_path: Path) -> None:
    found = fastx.read(site)
    out = tmp_path / "out"
    save(found, out, False)
    assert fastx.check(out) == []
    bookmarks = {name: value for name, (value, _) in files.bookmarks(out).items()}
    matlab, xterm = bookmarks["matlab"], bookmarks["xterm"]
    assert (matlab.name, matlab.command, matlab.geometry) == ("MATLAB R2024", "matlab -desktop", "1600x900")
    assert (matlab.forms, matlab.groups, matlab.profile) == (["memory"], ["staff", "students"], "long")
    assert matlab.icon == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert (xterm.command, xterm.geometry, xterm.forms) == ("xterm", "rootless", ["site"])
    assert set(bookmarks) == {"matlab", "xterm"}
    forms = {name: value for name, (value, _) in files.forms(out).items()}
    assert forms["memory"].html.startswith('<label>RAM</label>\n<input name="minRam"')
    assert (forms["memory"].description, forms["memory"].static_data) == ("How much", {"most": 64})
    assert forms["site"].html == '<input name="project">'
    rules = read_rules(out / "permissions.toml")
    assert rules.users == {"ann": "admin", "bob": "manager", "cy": "limited"}
    assert (rules.groups, rules.boxes) == ({"wheel": "admin"}, {"session/purge"})
    assert tomllib.loads((out / "portcall.toml").read_text()) == {"default_forms": ["site"], "launcher": "custom"}
    assert json.loads((out / "static-data.json").read_text()) == {"gpu": "2"}
    assert (out / "launcher-templates/docker.tpl").read_text() == "image: {{image}}\n"


def test_a_balancer_of_the_site_is_a_step_of_the_chain(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(fastx.read(site), out, False)
    ((function, path),) = files.functions(out).values()
    assert (function.engine, function.kind) == ("executable", "start-balance")
    assert Path(path).read_text() == "#!/bin/sh\nexec '/opt/my balancer'\n"
    ((chain, _),) = files.chains(out).values()
    assert chain.steps == ["user_selection", f"function:{function.id}"]


def test_the_launcher_script_is_taken_over_and_is_what_starts_sessions(site: Path, tmp_path: Path) -> None:
    """S1: LAUNCHER_SCRIPT, LAUNCHER_ARGS, LAUNCH_AS_CURRENT_USER, WEBLINK_PORT, WEBLINK_URI; dotenv, as written."""
    text = (
        "LAUNCHER_SCRIPT='/opt/the site/launch'\n"
        'export LAUNCHER_ARGS="--a b,--c=\\"d\\"" # two\nLAUNCH_AS_CURRENT_USER=true\nWEBLINK_PORT=3301\n'
        "WEBLINK_URI=/w\nFX_VAR_DIR=/data\n"
    )
    (site / "fastx.env").write_text(text)
    found = fastx.read(site)
    out = tmp_path / "out"
    save(found, out, force=False)
    assert site_settings(out, {}) == {
        "LAUNCHER_SCRIPT": "/opt/the site/launch", "LAUNCHER_ARGS": '--a b,--c="d"', "LAUNCH_AS_CURRENT_USER": "true",
        "WEBLINK_PORT": "3301", "WEBLINK_URI": "/w",
    }  # fmt: skip
    assert load(environment={"FX_CONFIG_DIR": str(out)})["launcher"] == "custom"
    for name in ("LAUNCHER_SCRIPT", "LAUNCHER_ARGS", "LAUNCH_AS_CURRENT_USER", "WEBLINK_PORT", "WEBLINK_URI"):
        assert why(found, name)[0][0] == TAKEN
    (site / "fastx.env").write_text("LAUNCHER_ARGS=--a\n")
    assert "launcher" not in fastx.read(site).files.get("portcall.toml", "")


def test_everything_that_was_not_taken_is_said_with_its_line_and_reason(site: Path) -> None:
    found = fastx.read(site)
    assert why(found, "bookmark empty") == [(LEFT, "it has no command")]
    assert why(found, "matlab: image")[0][0] == LEFT
    assert why(found, "matlab: nodeMetadataFilter")[0][0] == LEFT
    assert why(found, "profile")[0][0] == NOTED
    assert why(found, "admin.secret") == [(LEFT, "a secret: this server makes its own")]
    assert why(found, "[odd] x")[0][0] == LEFT
    assert why(found, "[manager] Sharing")[0][0] == LEFT
    assert why(found, "WHAT") == [(LEFT, "it is not known what this is")]
    assert any(state == NOTED and "onclick" in reason for state, reason in why(found, "form memory"))
    assert {line.where for line in found.lines if line.what == "matlab: image"} == {"apps/matlab.ini:10"}
    assert "hush" not in json.dumps(list(found.files.values()))
    files_seen = {line.where.partition(":")[0] for line in found.lines}
    there = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert there - {"apps/matlab.png"} <= files_seen
    assert found.counts()[TAKEN] > 8


def test_what_version_3_kept_in_lines_of_json(tmp_path: Path) -> None:
    site = tmp_path / "v3"
    site.mkdir()
    rows = [
        {"_id": "1", "data": {"name": "Firefox", "command": "firefox", "windowMode": "single", "tags": ["web"]}},
        {"_id": "2", "data": {"name": "Old", "command": "old"}},
        {"_id": "2", "$$deleted": True},
        {"_id": "3", "data": {"what": "ever"}},
    ]
    (site / "bookmarks.db").write_text("".join(json.dumps(row) + "\n" for row in rows))
    form = {"_id": "f", "data": {"name": "Memory", "html": '<input name="minRam">'}}
    (site / "forms.db").write_text(json.dumps(form) + "\n")
    code = "function(input) { return input.servers[0].serverId; }"
    (site / "balancing-start.db").write_text(json.dumps({"_id": "x", "data": {"name": "Ours", "code": code}}) + "\n")
    (site / "scripts.db").write_text(json.dumps({"_id": "y", "data": {"name": "What", "code": code}}) + "\n")
    found = fastx.read(site)
    out = tmp_path / "out"
    save(found, out, False)
    assert fastx.check(out) == []
    assert [value.command for value, _ in files.bookmarks(out).values()] == ["firefox"]
    assert list(files.forms(out)) == ["Memory"]
    ((function, _),) = files.functions(out).values()
    assert (function.kind, function.source) == ("start-balance", code + "\n")
    assert (out / "to-be-sorted/What.js").exists()
    assert why(found, "3")[0][0] == LEFT


def test_nothing_is_overwritten_unless_asked_and_never_where_it_is_read(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(fastx.read(site), out, False)
    (out / "bookmarks.toml").write_text("# mine\n")
    with pytest.raises(Conflict, match=r"bookmarks\.toml"):
        save(fastx.read(site), out, False)
    assert (out / "bookmarks.toml").read_text() == "# mine\n"
    save(fastx.read(site), out, True)
    assert "matlab" in (out / "bookmarks.toml").read_text()
    with pytest.raises(InvalidValue):
        save(fastx.read(site), site, True)


def test_names_and_values_of_any_kind_are_the_same_after_toml() -> None:
    members = {
        "command": 'a "b" \\ \n\t\x7f ü',
        "list": ["x", "y"],
        "yes": True,
        "number": 1.5,
        "deep": {"a b": {"c": 1}},
    }
    text = toml({"a.b c": members, "plain": {}}, "a head\nof two lines", {"top": 1})
    assert tomllib.loads(text) == {"top": 1, "a.b c": members, "plain": {}}


def test_the_command_reports_and_a_dry_run_writes_nothing(site: Path, tmp_path: Path, portcall: Portcall) -> None:  # noqa: F811
    out = tmp_path / "out"
    dry = portcall("import", "fastx", str(site), "--dry-run", "-o", str(out))
    assert dry.code == 0, dry.err
    assert "would write" in dry.out
    assert not out.exists()
    done = portcall("import", "fastx", str(site), "-o", str(out), "--json")
    assert done.code == 0, done.err
    assert "bookmarks.toml" in done.json["files"]
    assert done.json["errors"] == []
    assert portcall("import", "fastx", str(site), "-o", str(out)).code == 1
