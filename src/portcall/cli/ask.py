"""Questions to the person at the terminal: asked on the terminal itself, so that output can go elsewhere."""

from __future__ import annotations

import sys
from typing import Any

import click

from portcall.cli.output import neutral
from portcall.errors import InvalidValue


def person() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def need_person(what: str) -> None:
    """InvalidValue says what would have been asked where there is nobody to ask."""
    if not person():
        raise InvalidValue(f"{what} must be asked, but standard input is not a terminal.")


def answers(stage: dict[str, Any]) -> list[str]:
    """The answers to a stage's prompts. Secrets are not echoed."""
    prompts = stage.get("prompts") or []
    texts = ", ".join(repr(str(prompt.get("text", "")).strip()) for prompt in prompts)
    if prompts:
        need_person(f"{stage.get('title') or 'The server'}: {texts}")
    for text in (stage.get("title"), stage.get("instructions")):
        if text:
            click.echo(neutral(text, lines=True), err=True)
    return [one(str(prompt.get("text", "")), echo=prompt.get("echo") is True) for prompt in prompts]


def one(text: str, echo: bool = True, default: str | None = None) -> str:
    """One answer; empty text is an answer."""
    label = neutral(text).strip()
    answer: str = click.prompt(
        label.removesuffix(":"),
        default="" if default is None else default,
        show_default=bool(default),
        hide_input=not echo,
        prompt_suffix=" " if label.endswith("?") else ": ",
        err=True,
    )
    return answer


def confirmed(question: str) -> bool:
    """Yes only where a person said so."""
    need_person(question)
    return click.confirm(question, err=True)
