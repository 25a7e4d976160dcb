"""The custom launcher, line by line of the guides "Job Scheduling" (S0, S1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import StartFailed
from portcall.launchers.custom import Custom
from portcall.model.launch import Host, Weblink
from portcall.model.start import ORDER_VARIABLE, Output, Scheduled, Started, start_object
from portcall.testing.contracts.launcher import HOSTILE, LauncherContract, host, order

SCRIPT = "/opt/site/launch"
# S1, "Script Input"; weblink is there only with WEBLINK_PORT
TYPES = {
    "socketFile": str, "rootDir": str, "varDir": str, "configDir": str, "localDir": str, "tmpDir": str, "uid": int,
    "gid": int, "homedir": str, "shell": str, "login": str, "defaultStartScript": str, "start": dict,
}  # fmt: skip
LINK = Weblink("https://here.example", "token-of-one-session", "ann", "/weblink", "debug", "ab" * 32)


def place(**members: Any) -> Host:
    settings = {"LAUNCHER_SCRIPT": SCRIPT, **members.pop("settings", {})}
    return host(settings=settings, **members)


def given_to_it(**members: Any) -> Any:
    return json.loads(Custom().invocation(order(), place(**members)).stdin)


class TestCustom(LauncherContract):
    def place(self) -> Host:
        return place()

    @pytest.fixture
    def launcher(self) -> Custom:
        return Custom()

    def test_launcher_script_runs_with_launcher_args(self, launcher: Custom) -> None:
        """S1: LAUNCHER_SCRIPT=/path/to/script, LAUNCHER_ARGS=--arg1,--arg2,--arg3 (comma separated list)."""
        made = launcher.invocation(order(), place(settings={"LAUNCHER_ARGS": "--arg1,--arg2,--arg3"}))
        assert made.argv == (SCRIPT, "--arg1", "--arg2", "--arg3")
        assert launcher.invocation(order(), place()).argv == (SCRIPT,)
        odd = launcher.invocation(order(), place(settings={"LAUNCHER_ARGS": " --a b ,, --c=$(id) ,"}))
        assert odd.argv == (SCRIPT, "--a b", "--c=$(id)")

    @pytest.mark.parametrize(("text", "as_service"), [
        ("true", True), ("TRUE", True), ("1", True), ("yes", True),
        ("false", False), ("0", False), ("", False), ("no", False),
    ])  # fmt: skip
    def test_it_runs_as_the_user_unless_launch_as_current_user(
        self, launcher: Custom, text: str, as_service: bool
    ) -> None:
        """S1: run the script as the FastX user. By default runs as the logged in user."""
        made = launcher.invocation(order(), place(settings={"LAUNCH_AS_CURRENT_USER": text}))
        assert made.as_service is as_service
        assert not launcher.invocation(order(), place()).as_service

    def test_another_word_there_is_an_error_that_says_what_to_write(self, launcher: Custom) -> None:
        with pytest.raises(StartFailed, match=r"/etc/portcall/fastx\.env: write true or false"):
            launcher.invocation(order(), place(settings={"LAUNCH_AS_CURRENT_USER": "perhaps"}))

    def test_stdin_has_every_member_of_the_guide_in_its_type(self) -> None:
        document = given_to_it()
        assert {name: type(value) for name, value in document.items()} == TYPES
        assert (document["uid"], document["gid"], document["login"]) == (1001, 1001, "ann")
        assert (document["homedir"], document["shell"]) == ("/home/ann", "/bin/bash")
        assert document["defaultStartScript"] == f"{document['rootDir']}/scripts/start"
        assert document["start"] == start_object(order())

    def test_the_weblink_object_is_there_with_weblink_port_alone(self) -> None:
        """S1: If WEBLINK_PORT is set in fastx.env or the environment the following object will be available."""
        document = given_to_it(weblink=LINK, settings={"WEBLINK_PORT": "3301"})
        assert document["weblink"] == {
            "logLevel": "debug", "url": "https://here.example", "uri": "/weblink", "primary": "token-of-one-session",
            "login": "ann",
        }  # fmt: skip
        assert "weblink" not in given_to_it(weblink=LINK)
        assert "weblink" not in given_to_it(settings={"WEBLINK_PORT": "3301"})

    def test_what_a_script_does_not_know_to_pass_on_is_in_its_environment(self, launcher: Custom) -> None:
        made = launcher.invocation(order(), place(weblink=LINK, settings={"WEBLINK_PORT": "3301"}))
        assert made.environment["WEBLINK_FINGERPRINT"] == LINK.fingerprint
        assert "token-of-one-session" not in json.dumps([made.argv, made.environment])
        assert made.environment["PYTHONPATH"] == "/usr/lib/portcall/scripts"  # from _fastx import …
        assert json.loads(made.environment[ORDER_VARIABLE])["id"] == "s1"

    def test_an_order_that_is_too_long_for_a_variable_is_on_stdin_alone(self, launcher: Custom) -> None:
        made = launcher.invocation(order(params={"p": "x" * 130_000}), place())
        assert ORDER_VARIABLE not in made.environment
        assert len(json.loads(made.stdin)["start"]["params"]["p"]) == 130_000

    def test_options_that_were_chosen_are_given_to_it(self, launcher: Custom) -> None:
        made = launcher.invocation(order(options={"queue": "long"}), place())
        assert json.loads(made.stdin)["options"] == {"queue": "long"}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_value_of_a_start_is_in_an_argument(self, launcher: Custom, text: str) -> None:
        members = {"command": text, "name": text, "params": {text[:100]: text}, "keyboard_layout": text}
        made = launcher.invocation(order(**members), place())
        assert made.argv == (SCRIPT,)
        start = json.loads(made.stdin)["start"]
        assert (start["command"], start["name"], start["params"]) == (text, text, {text[:100]: text})

    @given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
    def test_every_text_arrives_as_it_was_whatever_the_scripts_locale(self, text: str) -> None:
        made = Custom().invocation(order(command=text, params={"p": text}), place())
        assert made.stdin.isascii()
        assert json.loads(made.stdin)["start"]["command"] == text

    def test_return_status_0_is_success_and_any_output_is_shown(self, launcher: Custom) -> None:
        """S1: Return status 0 will be considered successful. Any output will be shown to the user."""
        assert launcher.outcome(order(), Output(0, "in the queue\n", "warning: full\n")) == Scheduled(
            "s1", "in the queue\nwarning: full"
        )
        assert launcher.outcome(order(), Output(0)) == Scheduled("s1", "")

    @pytest.mark.parametrize("text", ['{"result": {"id": "s1"}}', ' {"result": null}\n', '{"a": 1, "result": "yes"}'])
    def test_json_with_a_result_is_a_session_that_was_started(self, launcher: Custom, text: str) -> None:
        """S1: If the output is a JSON object with a "result" parameter, it will be interpreted as a start success."""
        assert launcher.outcome(order(), Output(0, text, "with a word on stderr")) == Started("s1")

    @pytest.mark.parametrize("text", ['{"id": "s1"}', '["result"]', '"result"', '{"result": 1', "[" * 100_000])
    def test_all_else_is_shown_as_it_is(self, launcher: Custom, text: str) -> None:
        assert launcher.outcome(order(), Output(0, text)) == Scheduled("s1", text)

    @pytest.mark.parametrize("code", [1, 2, 124, 137, 255])
    def test_any_nonzero_return_code_is_an_error_with_the_output(self, launcher: Custom, code: int) -> None:
        """S1: Any nonzero return code will be an error and will remove the session."""
        with pytest.raises(StartFailed) as failure:
            launcher.outcome(order(), Output(code, "no licence\n", "ask your admin\n"))
        assert failure.value.detail == failure.value.extra["log"] == "no licence\nask your admin"
        with pytest.raises(StartFailed, match=f"exit code {code}"):
            launcher.outcome(order(), Output(code))

    def test_one_that_was_not_back_in_time_is_told_by_which_limit(self, launcher: Custom) -> None:
        with pytest.raises(StartFailed) as failure:
            launcher.outcome(order(), Output(124, "", "/opt/site/launch: the time limit of 90 s was reached\n"))
        assert failure.value.detail.endswith("the time limit of 90 s was reached (start_timeout, and 60 s at least)")

    def test_a_result_of_a_script_that_failed_is_no_success(self, launcher: Custom) -> None:
        with pytest.raises(StartFailed):
            launcher.outcome(order(), Output(3, '{"result": {"id": "s1"}}'))


@pytest.mark.parametrize("said", [
    "/opt/site/launch: there is no such program, or not for ann",  # a link
    "/opt/site/launch: it may not be run by ann",
    "/opt/site/launch: No such file or directory",  # the service, or a kernel about the first line
    "/opt/site/launch: Permission denied",
    "/opt/site/launch: Exec format error",
    "",
])  # fmt: skip
def test_a_script_that_cannot_be_run_is_told_with_what_to_do(said: str) -> None:
    with pytest.raises(StartFailed, match="chmod 755") as failure:
        Custom().outcome(order(), Output(127, "", said))
    assert said in failure.value.detail


@pytest.mark.parametrize(("script", "said"), [
    ("", r"Write LAUNCHER_SCRIPT=/path/to/script into /etc/portcall/fastx\.env"),
    ("launch.py", "write the whole path"),
    ("~/launch.py", "write the whole path"),
    ("/a\0b", "NUL"),
])  # fmt: skip
def test_a_setting_that_names_no_script_is_told_with_what_to_do(script: str, said: str) -> None:
    with pytest.raises(StartFailed, match=said):
        Custom().invocation(order(), host(settings={"LAUNCHER_SCRIPT": script}))


def test_where_an_example_is_told_is_where_one_is(tmp_path: Any) -> None:
    from portcall import userside

    root = userside.install(tmp_path)
    with pytest.raises(StartFailed) as failure:
        Custom().invocation(order(), host(root_dir=str(root)))
    assert (root / failure.value.detail.split(f"{root}/")[1].rstrip(".")).is_file()
