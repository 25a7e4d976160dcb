from __future__ import annotations

from pathlib import Path

from portcall.moving.read import documents, ini


def test_an_ini_file_has_sections_lists_quotes_and_values_over_lines() -> None:
    read = ini(
        '; a comment\n# another\nname = Matlab ; the newest\ncommand="matlab -r \'x=1; y\' \\"a\\""\n'
        'html="<p>\n one</p>"\nforms[]=a\nforms[]=b\n[nodeMetadataFilter]\ngpu=true\nrubbish\n'
    )
    assert read.top["name"] == "Matlab"
    assert read.top["command"] == "matlab -r 'x=1; y' \"a\""
    assert read.top["html"] == "<p>\n one</p>"
    assert read.top["forms"] == ["a", "b"]
    assert read.sections["nodeMetadataFilter"] == {"gpu": "true"}
    assert (read.line("", "html"), read.line("nodeMetadataFilter", "gpu"), read.bad) == (5, 10, [11])


def test_the_last_line_about_an_id_counts_and_deleted_ones_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    path.write_text(
        '{"_id": "a", "data": {"command": "one"}}\n{"$$indexCreated": {"fieldName": "x"}}\n'
        '{"_id": "b", "command": "b"}\n'
        '{"_id": "a", "data": {"command": "two"}}\n{"_id": "c", "data": {}}\n{"_id": "c", "$$deleted": true}\n{half\n'
    )
    assert documents(path) == ({"a": ({"command": "two"}, 4), "b": ({"command": "b"}, 3)}, [7])
    path.write_text('{"a": 1}\n')
    assert documents(path) is None
