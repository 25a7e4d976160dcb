"""Templates are run by a real shell: what counts is the arguments that a command gets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import InvalidValue
from portcall.start.template import fill

SHOW = f"{sys.executable} -S -c 'import json,sys; print(json.dumps(sys.argv[1:]))'"
# the clustering guide, "A Job Scheduling Example", as JavaScript joins its lines
BSUB = (
    "bsub     /usr/lib/fastx/3/scripts/start     --command ${ start.command } --name ${ start.name }"
    "     > /dev/null;     echo Your Job Has Been Scheduled"
)
HOSTILE = [
    "$(touch x)",
    "`id`",
    "a b",
    "'",
    '"',
    "\\",
    "-rf",
    "; true",
    "\n",
    "*",
    "$HOME",
    "a'b\"c",
    "",
    "ü€",
    "!x",
    "#",
]


def arguments(template: str, start: dict[str, object]) -> list[str]:
    done = subprocess.run(["/bin/sh", "-c", fill(template, start)], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_the_bsub_example_gives_the_command_line_that_the_guide_shows() -> None:
    line = fill(BSUB, {"command": "xterm -ls", "name": "My Shiny Xterm"})
    recorder = f'bsub() {{ {SHOW} "$@" >&2; }}\n'
    done = subprocess.run(["/bin/sh", "-c", recorder + line], capture_output=True, text=True, check=True)
    assert done.stdout == "Your Job Has Been Scheduled\n"
    assert json.loads(done.stderr) == [
        "/usr/lib/fastx/3/scripts/start", "--command", "xterm -ls", "--name", "My Shiny Xterm",
    ]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "place",
    ["${ start.name }", '"${start.name}"', "'${ start.name }'", '"$(printf %sx ${ start.name })"', "a${start.name}b"],
)
def test_a_hostile_value_stays_one_argument_wherever_it_stands(value: str, place: str) -> None:
    expected = {"a${start.name}b": f"a{value}b", '"$(printf %sx ${ start.name })"': f"{value}x"}.get(place, value)
    assert arguments(f"{SHOW} first {place} last", {"name": value}) == ["first", expected, "last"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_any_text_survives_the_shell(value: str) -> None:
    assert arguments(f'{SHOW} "x ${{ start.params.k }}" ${{start.params.k}}', {"params": {"k": value}}) == [
        f"x {value}", value,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "template",
    ["${ start.nothing }", "${ start.params.a }", "${ start }", "${ start.params[0] }", "`x ${ start.name }`",
     "cat <<E\n${ start.name }\nE", "true # ${ start.name }"],
)  # fmt: skip
def test_a_variable_that_is_not_known_or_cannot_be_quoted_is_refused(template: str) -> None:
    with pytest.raises(InvalidValue):
        fill(template, {"name": "x", "params": {}})


@pytest.mark.parametrize("slip", ["${ strat.command }", "${params.ram}", "${ command }", "${input.start.name}"])
def test_a_variable_of_nothing_is_told_by_its_name(slip: str) -> None:
    for text in (f"bsub {slip}", f'bsub "x {slip}"', f"echo $(echo {slip})"):
        with pytest.raises(InvalidValue, match=re.escape(f"there is no {slip}; write ${{ start.command }}")):
            fill(text, {"command": "xterm", "name": "x"})


def test_what_is_the_shells_own_stays() -> None:
    text = "echo ${HOME:-x} $(date) \"$USER\" 'a b ${ c }' \\${ d } # ${HOME} ${ e }\n"
    assert fill(text, {}) == text


def test_numbers_and_objects_are_their_json_text() -> None:
    start = {"params": {"n": 2, "b": True, "o": {"a": [1]}}}
    assert arguments(f"{SHOW} ${{start.params.n}} ${{start.params.b}} ${{start.params.o}}", start) == [
        "2", "true", '{"a": [1]}',
    ]  # fmt: skip


BREAKING = [
    "; touch pwned ;",
    "$(touch pwned)",
    "`touch pwned`",
    "\\'; touch pwned; #",
    '"; touch pwned; "',
    "a}$(touch pwned)",
]


@pytest.mark.parametrize(
    "template",
    [
        "true $'${ start.x }'",
        'true "$( (true) ; true ${ start.x })"',
        'true "$(case a in a) true ${ start.x };; esac)"',
        'true "${V:-"${ start.x }"}"',
        "true $((1 + ${ start.x }))",
        "true $(( ((1)) + ${ start.x } ))",
        'true "$(true "$( (true); true ${ start.x })")"',
    ],
)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_value_is_never_run_wherever_it_stands(tmp_path: Path, shell: str, template: str) -> None:
    for value in BREAKING:
        try:
            line = fill(template, {"x": value})
        except InvalidValue:
            continue  # refused is as good
        subprocess.run([shell, "-c", line], cwd=tmp_path, capture_output=True, check=False)
        assert not (tmp_path / "pwned").exists(), value
