"""Docker and Podman keep the launchers' contract, and nothing that anybody types changes what is run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.config import load
from portcall.errors import InvalidValue, SchedulerSilent, StartFailed
from portcall.launchers.docker import Docker
from portcall.launchers.podman import Podman
from portcall.model import job
from portcall.model.job import Job
from portcall.model.launch import Host, Weblink
from portcall.model.option import read_all
from portcall.model.start import ORDER_VARIABLE, Invocation, Output, Scheduled
from portcall.testing.contracts.launcher import host, order
from portcall.testing.contracts.scheduler import SchedulerContract
from tests.installation import TOP

TEMPLATE = (TOP / "install/config/launcher-templates/docker.tpl").read_text()
ID = "0123456789abcdef" * 4
CORPUS = (
    "--privileged", "-v /:/host", "-v=/:/host", "--volume=/:/host\n--privileged", "x\n  - --privileged",
    "\n- -v\n- /:/host", "]\n[--privileged", "'\n- --privileged\n- '", '"\n- --privileged\n- "', "# comment", ": {}",
    "!!python/object:os.system", "&a *a", "{{ 7 * 7 }}", "{% for x in y %}", "{{ ''.__class__.__mro__ }}", "${HOME}",
    "$(id)", "`id`", "%d", "\t", "\r\n", "--", "-", "", " ", "é🐙", "a,target=/,b", "x" * 30_000, "null", "true", "~",
    "|", ">-", "...", "---",
)  # fmt: skip


def place(template: str = TEMPLATE, **members: Any) -> Host:
    options = {"image": "site/x:1", **members.pop("options", {})}
    return host(**{"templates": {"docker.tpl": template}, "options": options, "group_ids": [1001, 100], **members})


def words(made: Invocation) -> list[str]:
    """The arguments before the image, without the name that each session has."""
    return list(made.argv[: made.argv.index("site/x:1")])


class _Contract(SchedulerContract):
    def place(self) -> Host:
        return place()


class TestDocker(_Contract):
    @pytest.fixture
    def launcher(self) -> Docker:
        return Docker()


class TestPodman(_Contract):
    @pytest.fixture
    def launcher(self) -> Podman:
        return Podman()


def test_a_session_is_a_container_of_its_user_with_home_runtime_and_socket() -> None:
    made = Docker().invocation(order(), place())
    argv = words(made)
    assert argv[:2] == ["docker", "run"]
    assert {"--user=1001:1001", "--group-add=100", "--workdir=/home/ann", "--detach", "--rm", "--cap-drop=ALL"} <= {
        *argv
    }
    assert "--mount=type=bind,source=/home/ann,target=/home/ann" in argv
    assert "--mount=type=bind,source=/run/portcall,target=/run/portcall,readonly" in argv
    assert "--name=portcall-s1" in argv
    assert "--label=portcall.session=s1" in argv
    assert made.as_service
    assert made.argv[made.argv.index("site/x:1") + 1] == "/opt/portcall/bin/python3"
    assert json.loads(made.environment[ORDER_VARIABLE])["id"] == "s1"
    assert not [word for word in argv if word.startswith(("--memory", "--cpus", "--gpus", "--network"))]


def test_limits_are_those_that_were_asked_for() -> None:
    asked = read_all(Docker.options, {"cores": 2, "memory": "1G", "gpus": 1, "time": 5, "network": "lan"})
    argv = words(Docker().invocation(order(options=asked), place()))
    assert {"--cpus=2", "--memory=1073741824", "--memory-swap=1073741824", "--gpus=1", "--network=lan"} <= {*argv}
    made = Podman().invocation(order(options=asked), place())
    assert "--device=nvidia.com/gpu=all" in words(made)
    assert made.environment["PORTCALL_TIME"] == "300"


@pytest.mark.parametrize("text", CORPUS, ids=lambda text: ascii(text[:20]))
@pytest.mark.parametrize("field", ["command", "name", "params", "key", "keyboard_layout", "profile", "geometry"])
def test_what_is_typed_changes_no_argument(text: str, field: str) -> None:
    plain = Docker().invocation(order(), place())
    value = {"params": {"p": text}, "key": {text or "k": text}}.get(field, text)
    typed = Docker().invocation(order(**{"params" if field == "key" else field: value}), place())
    # of the original template no value is in any argument at all; an order that is long comes in parts
    parts = f"--env={ORDER_VARIABLE}_"
    assert [word for word in typed.argv if not word.startswith(parts)] == list(plain.argv)


@pytest.mark.parametrize("text", CORPUS, ids=lambda text: ascii(text[:20]))
def test_a_value_that_a_template_uses_stays_one_argument(text: str) -> None:
    template = """
options: ["--label=site.name={{ name }}", "--env=PROJECT={{ params.project }}", "--cap-drop=ALL"]
image: "{{ image }}"
command: [run, "{{ command }}", "{{ params.project }}", end]
"""
    made = Docker().invocation(order(name=text, command=text, params={"project": text}), place(template))
    given = [text] if text else []
    named = [f"--label=site.name={text}", f"--env=PROJECT={text}"] if text else []
    assert words(made)[2 : 3 + len(named)] == [*named, "--cap-drop=ALL"]
    assert list(made.argv[made.argv.index("site/x:1") + 1 :]) == ["run", *given, *given, "end"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_text_stays_one_argument(text: str) -> None:
    template = 'options: ["--label=a={{ name }}"]\nimage: "{{ image }}"\ncommand: ["{{ command }}"]'
    made = Docker().invocation(order(name=text, command=text), place(template))
    assert made.argv[2] == f"--label=a={text}"
    assert made.argv[-1] == text


def test_nothing_of_the_way_to_the_server_is_in_an_argument_or_in_the_order_of_another() -> None:
    link = Weblink("https://server:3300", "very.secret.token", "ann")
    made = Docker().invocation(order(), place(weblink=link, host_id="boot"))
    assert all("very.secret.token" not in word for word in made.argv)
    assert "--env=WEBLINK_PRIMARY" in made.argv
    assert made.environment["WEBLINK_PRIMARY"] == "very.secret.token"


def test_a_long_order_comes_in_parts_that_the_system_takes() -> None:
    made = Docker().invocation(order(command="🐙" * 20_000, params={"p": "\x01" * 20_000}), place())
    parts = [ORDER_VARIABLE, *(f"{ORDER_VARIABLE}_{number}" for number in range(1, 10))]
    text = "".join(made.environment.get(name, "") for name in parts)
    assert json.loads(text)["command"] == "🐙" * 20_000
    assert max(len(value.encode()) for value in made.environment.values()) < 128 * 1024


def test_the_account_has_its_names_in_the_container_where_the_server_has_written_them() -> None:
    given = place(identity="/run/portcall/accounts/1001")
    mount = "--mount=type=bind,source=/run/portcall/accounts/1001/{0},target=/etc/{0},readonly"
    assert {mount.format("passwd"), mount.format("group")} <= {*words(Docker().invocation(order(), given))}
    assert not [word for word in words(Docker().invocation(order(), place())) if "target=/etc/" in word]


def test_data_of_the_start_and_of_the_server_get_into_the_template() -> None:
    """S4: take the user data from a session launch command and inject it into the docker template; extra data (like TMP
    directory) is also included and comes from the web server."""
    template = """
options: ["--env=TMPDIR={{ tmp }}", "--label=asked={{ command }} {{ geometry }} {{ name }} {{ params.project }}"]
image: "{{ image }}"
"""
    asked = order(command="xterm -ls", name="Mine", params={"project": "wing"})
    made = Docker().invocation(asked, place(template, tmp_dir="/scratch/tmp"))
    assert list(made.argv[2:4]) == ["--env=TMPDIR=/scratch/tmp", "--label=asked=xterm -ls 800x600 Mine wing"]


def test_variables_of_the_template_are_in_no_argument() -> None:
    template = TEMPLATE.replace("environment: {}", 'environment: {PROJECT: "{{ params.project }}"}')
    made = Docker().invocation(order(params={"project": "LD_PRELOAD"}), place(template))
    assert json.loads(made.environment["PORTCALL_ENVIRONMENT"]) == {"PROJECT": "LD_PRELOAD"}
    assert "PROJECT" not in made.environment  # which would be the engine's own
    assert all("LD_PRELOAD" not in word for word in made.argv)


def test_an_image_is_one_of_those_that_the_administrator_named() -> None:
    named = {"images": ["site/other:2"]}
    other = Docker().invocation(order(options={"image": "site/other:2"}), place(options=named))
    assert "site/other:2" in other.argv
    with pytest.raises(InvalidValue, match="none of those allowed: site/x:1, site/other:2"):
        Docker().invocation(order(options={"image": "evil/image"}), place(options=named))
    for launcher in (Docker(), Podman()):
        with pytest.raises(InvalidValue, match=f"no image is set: launcher_options.{launcher.name}.set.image"):
            launcher.invocation(order(), host(templates={"docker.tpl": TEMPLATE}))
    for wrong in ("--privileged", "-v", "a b", "x\n", ""):
        with pytest.raises(InvalidValue):
            Docker().invocation(order(options=read_all(Docker.options, {"image": wrong or None})), host())


def test_an_image_that_the_template_makes_of_peoples_words_is_one_of_those_too() -> None:
    template = TEMPLATE.replace('image: "{{ image }}"', 'image: "{{ params.image or image }}"')
    assert template != TEMPLATE
    named = {"images": ["site/other:2"]}
    for image in ("", "site/other:2"):
        assert Docker().invocation(order(params={"image": image}), place(template, options=named))
    with pytest.raises(InvalidValue, match="none of those allowed"):
        Docker().invocation(order(params={"image": "evil/image"}), place(template, options=named))
    fixed = TEMPLATE.replace('image: "{{ image }}"', "image: of/the-template:1")
    assert "of/the-template:1" in Docker().invocation(order(), place(fixed)).argv


def test_what_people_may_not_set_is_no_forms() -> None:
    for_people = {option.name for option in Docker.options if option.form}
    assert for_people == {"image", "cores", "memory", "gpus", "time"}


def test_the_sites_own_template_and_podmans_own_come_first() -> None:
    own = 'options: [--site]\nimage: "{{ image }}"'
    assert "--site" in Docker().invocation(order(), place(own)).argv
    both = place(templates={"docker.tpl": TEMPLATE, "podman.tpl": own})
    assert "--site" in Podman().invocation(order(), both).argv
    assert "--site" not in Docker().invocation(order(), both).argv
    with pytest.raises(InvalidValue, match=r"there is no docker\.tpl"):
        Docker().invocation(order(), place(templates={}))


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("options: [", "line 2"),
        ("options: [{{ image }}]", "an expression is to be quoted"),
        ("- a", "a mapping with"),
        ("optoins: []", "optoins is not known"),
        ("options: --rm", "options: a list of texts"),
        ('options: ["{{ params.x }}"]', "must stand behind its option"),
        ('options: ["-v", "{{ home }}:/x"]', "must stand behind its option"),
        ('options: ["{{ extra }}{{ name }}"]', "must stand behind its option"),
        ('options: ["--a={{ nmae }}"]', "there is no nmae"),
        ('options: ["--a={{ name + }}"]', "name +"),
        ('options: ["--a={% if name %}x{% endif %}"]', "only {{ expressions }}"),
        ('options: ["--a={{ groups }}{{ groups }}"]', "one list only"),
        ('options: ["--a={{ params }}"]', "a text or a number"),
        ("options: [\"--a={{ ''.__class__.__mro__ }}\"]", ""),
        ('options: ["--a={{ name.format }}"]', ""),
        ('options: ["--a={{ [].append(1) }}"]', ""),
        ('options: ["--a={{ 1 / 0 }}"]', "division"),
        ("environment: [a]", "NAME: text"),
        ("environment: {a-b: c}", "NAME: text"),
        ('environment: {A: "{{ groups }}"}', "one text is needed"),
    ],
)
def test_a_template_that_is_wrong_says_where(template: str, complaint: str) -> None:
    text = f'{template}\nimage: "{{{{ image }}}}"' if ":" in template else template
    values = place(text, group_ids=[1, 2, 3])
    with pytest.raises(InvalidValue) as refused:
        Docker().invocation(order(name="a", params={"x": "y"}), values)
    assert complaint in refused.value.detail
    assert "docker.tpl" in refused.value.detail


def test_an_expression_reads_members_and_filters_and_nothing_else() -> None:
    template = """
options:
  - "--a={{ params.items }}"
  - "--b={{ params['keys'] | upper }}"
  - "--c={{ params.none }}"
  - "--d={{ 'x' if cores > 1 }}"
  - "--e={{ (memory / 1048576) | int }}m"
  - "--f={{ true }}"
  - "{{ extra }}"
image: "{{ image }}"
"""
    asked = {"cores": 2, "memory": 1 << 30, "extra": ["--x", "--y=1"]}
    made = Docker().invocation(order(params={"items": "i", "keys": "k"}, options=asked), place(template))
    assert list(made.argv[2:9]) == ["--a=i", "--b=K", "--d=x", "--e=1024m", "--f=true", "--x", "--y=1"]


def test_ones_own_podman_runs_as_the_user_and_keeps_the_id() -> None:
    made = Podman().invocation(order(options={"run_as": "user"}), place())
    assert not made.as_service
    assert "--userns=keep-id" in made.argv
    assert not [word for word in made.argv if word.startswith("--group-add")]
    outcome = Podman().outcome(order(options={"run_as": "user"}), Output(0, ID))
    assert outcome == Scheduled("s1")  # no job: the service could not ask about it
    with pytest.raises(InvalidValue, match="one of service, user"):
        Podman().invocation(order(options={"run_as": "root"}), place())


def _event(**members: object) -> str:
    return json.dumps(members) + "\n"


PODMAN_DIED = _event(ContainerExitCode=137, ID=ID, Status="died", Type="container")
DOCKER_DIED = _event(status="die", Action="die", Actor={"ID": ID, "Attributes": {"exitCode": "137", "image": "x"}})


@pytest.mark.parametrize(
    ("said", "state", "code", "reason"),
    [
        (PODMAN_DIED, job.FAILED, 137, "it was killed, and not by its engine: perhaps it was out of memory"),
        (DOCKER_DIED + _event(Action="destroy"), job.FAILED, 137,
         "it was killed, and not by its engine: perhaps it was out of memory"),
        (_event(Action="oom") + DOCKER_DIED, job.FAILED, 137, "it was out of memory"),
        (_event(Status="kill") + PODMAN_DIED, job.FAILED, 137, ""),
        (PODMAN_DIED.replace("137", "0"), job.DONE, 0, ""),
        (_event(Status="died", ContainerExitCode=True), job.UNKNOWN, None, ""),
        ("[]\n7\n{\nnull\n" + _event(Status=[], Actor=3), job.UNKNOWN, None, ""),
        ("", job.UNKNOWN, None, ""),
    ],
)  # fmt: skip
def test_what_became_of_a_container_that_was_removed_is_in_the_engines_events(
    said: str, state: str, code: int | None, reason: str
) -> None:
    gone = Job("docker", ID[:12], submitted=1000.5)
    asked = Docker().became(gone)
    assert asked is not None
    assert asked.as_service
    assert {"--since=999", f"--filter=container={ID[:12]}"} < set(asked.argv)
    over = Docker().ended(gone, Output(0, said))
    assert (over.state, over.exit_code, over.reason) == (state, code, reason)
    assert Docker().ended(gone, Output(1, said)) == gone
    assert Docker().became(Job("docker", "--all", submitted=1.0)) is None


def test_a_container_that_was_begun_is_a_job() -> None:
    outcome = Docker().outcome(order(), Output(0, f"{ID}\n", "WARNING: no swap limit\n"))
    assert isinstance(outcome, Scheduled)
    assert outcome.job == Job("docker", ID[:12], job.STARTING, log=".local/state/portcall/jobs/s1.log")
    assert outcome.text == f"Started as Docker container {ID[:12]}."


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        # docker 20.10 and 28, podman 4.3, as they print it
        ("Unable to find image 'site/x:1' locally\ndocker: Error response from daemon: manifest unknown.", "is not on"),
        ("docker: Error response from daemon: No such image: site/x:1", "site/x:1 is not on this server"),
        ("Error: localhost/none: image not known", "is not on this server"),
        ("docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
         "Docker does not run"),
        ("docker: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
         "group docker"),
        ("docker: No such file or directory", "There is no docker on this server"),  # S4: docker should be installed
        ('Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /x',
         "make-runtime"),
        ("Error: statfs /var/lib/portcall/local/container-runtime: no such file or directory", "make-runtime"),
    ],
)  # fmt: skip
def test_what_an_engine_complains_of_comes_with_what_is_to_be_done(said: str, advice: str) -> None:
    with pytest.raises(StartFailed) as failed:
        Docker().outcome(order(options={"image": "site/x:1"}), Output(125, "", said))
    assert advice in failed.value.detail
    assert said in failed.value.detail


def test_an_engine_that_was_too_slow_may_have_begun_it() -> None:
    with pytest.raises(SchedulerSilent):
        Docker().outcome(order(), Output(124, "", "docker: the time limit of 120 s was reached"))


@pytest.mark.parametrize(
    ("state", "status", "meaning", "code"),
    [
        ("created", "Created", job.STARTING, None),
        ("running", "Up 3 seconds", job.RUNNING, None),
        ("paused", "Up 3 minutes (Paused)", job.HELD, None),
        ("exited", "Exited (0) 2 seconds ago", job.DONE, 0),
        ("exited", "Exited (137) 2 seconds ago", job.FAILED, 137),
        ("removing", "Removal In Progress", job.ENDING, None),
        ("dead", "Dead", job.FAILED, None),
        ("Up 3 seconds", "Up 3 seconds", job.RUNNING, None),  # podman 4
        ("Up 3 seconds (Paused)", "Up 3 seconds (Paused)", job.HELD, None),
        ("Exited (0) 2 seconds ago", "Exited (0) 2 seconds ago", job.DONE, 0),
        ("dreaming", "Dreaming", job.UNKNOWN, None),
    ],
)
def test_the_words_of_engines(state: str, status: str, meaning: str, code: int | None) -> None:
    (found,) = Docker().found(Output(0, f"{ID[:12]}\tportcall-s1\t{state}\t{status}\t\t\n"))
    assert (found.name, found.job.id, found.job.state, found.job.exit_code) == ("portcall-s1", ID[:12], meaning, code)


@pytest.mark.parametrize(
    ("created", "labels"),
    [
        ("2026-11-20 12:30:29 +0000 UTC", "portcall.session=s1,portcall.time=90"),  # docker
        ("2026-11-20 13:30:29.326861532 +0100 CET", "map[portcall.session:s1 portcall.time:90]"),  # podman 4
    ],
)
def test_the_end_of_its_time_is_known(created: str, labels: str) -> None:
    (found,) = Docker().found(Output(0, f"{ID[:12]}\tportcall-s1\trunning\tUp\t{created}\t{labels}\n"))
    assert (found.job.started, found.job.ends_at) == (1795177829.0, 1795177919.0)


def test_nobody_who_answers_is_not_nobody_who_is_there() -> None:
    assert Docker().found(Output(0, "")) == []
    with pytest.raises(SchedulerSilent, match="Is the docker daemon running"):
        Docker().found(Output(1, "", "Cannot connect to the Docker daemon. Is the docker daemon running?"))


def test_variables_by_which_an_engine_is_found_go_with_each_command() -> None:
    podman = Podman()
    podman.site = {"CONTAINER_HOST": "unix:///run/podman.sock"}
    for made in (
        podman.invocation(order(), place()),
        podman.query([], []),
        podman.cancel(Job("podman", ID)),
        podman.tidy(),
    ):
        assert made.environment["CONTAINER_HOST"] == "unix:///run/podman.sock"


def test_a_home_that_would_be_more_than_a_path_is_refused() -> None:
    given = place()
    odd = replace(given, account=replace(given.account, home="/home/a,target=/etc"))
    with pytest.raises(InvalidValue, match="cannot be mounted"):
        Docker().invocation(order(), odd)


def test_the_original_is_shipped(tmp_path: Path) -> None:
    from portcall import userside

    assert "install/config/launcher-templates/docker.tpl" in userside.shipped()


def test_the_page_on_containers_names_every_option_and_every_variable() -> None:
    page = (TOP / "docs/howto/containers.md").read_text()
    for option in Docker.options:
        assert f"`{option.name}`" in page
    template = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert template is not None
    made = Docker().invocation(order(params={"project": "wing"}), place(template.group(1)))
    assert "--env=PROJECT=wing" in made.argv
    for variable in Docker()._values(order(), place(), False):
        assert f"`{variable}`" in page, variable
        assert variable in TEMPLATE, variable


def test_the_settings_of_the_page_on_containers_are_settings(tmp_path: Path) -> None:
    page = (TOP / "docs/howto/containers.md").read_text()
    settings = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert settings is not None
    (tmp_path / "portcall.toml").write_text(re.sub(r"^   ", "", settings.group(1), flags=re.MULTILINE))
    options = load(environment={"FX_CONFIG_DIR": str(tmp_path)})["launcher_options"]["docker"]
    assert read_all(Docker.options, options["set"])["memory"] == 4 << 30
    assert set(options["people"]) <= {option.name for option in Docker.options if option.form}


def test_what_an_engine_says_of_its_manual_is_left_out() -> None:
    said = "docker: Error response from daemon: odd.\n\nRun 'docker run --help' for more information\n"
    with pytest.raises(StartFailed) as failed:
        Docker().outcome(order(), Output(125, "", said))
    assert failed.value.detail == "docker: Error response from daemon: odd."
