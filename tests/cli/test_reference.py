from pathlib import Path

from portcall.cli.reference import page

TOP = Path(__file__).resolve().parents[2]


def test_the_reference_page_is_what_the_commands_say() -> None:
    assert (TOP / "docs/reference/cli.md").read_text() == page(), "run scripts/make-cli-reference"


def test_the_how_to_is_linked_and_there() -> None:
    assert "../howto/command-line.md" in page()
    assert (TOP / "docs/howto/command-line.md").exists()
