"""Every key of a TOML file has its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.config.document import KeyPath, key_lines, read_document
from s2fetch.errors import ConfigError

DOCUMENT = '''# a = 1
first = "x = 1"  # b = 2
"quoted key" = 1

list = [
  "a",  # [no.header]
  "]",
]
text = """
not-a-key = 1
[not-a-table]
"""
after.dotted = 'it''s = 1'
inline = { x = 1, y = [1, 2] }
[table]
x = """"quoted" \\""""
[table.sub]
y = \'\'\'[a]\'\'\'
[[many]]
x = 1
[[many]]
x = 2
[many.deep]
z = 3
[table.sub.deep]
x = 1
'''.replace("'it''s = 1'", '"its = 1"')


def test_keys_have_the_line_they_stand_in() -> None:
    """Strings, comments and lists over several lines do not mislead."""
    tomllib.loads(DOCUMENT)
    lines = key_lines(DOCUMENT)
    assert lines[("first",)] == 2
    assert lines[("quoted key",)] == 3
    assert lines[("list",)] == 5
    assert lines[("text",)] == 9
    assert lines[("after", "dotted")] == 13
    assert lines[("inline",)] == 14
    assert lines[("table", "x")] == 16
    assert lines[("table", "sub", "y")] == 18
    assert lines[("many", 0, "x")] == 20
    assert lines[("many", 1)] == 21
    assert lines[("many", 1, "x")] == 22
    assert lines[("many", 1, "deep", "z")] == 24
    assert lines[("table", "sub", "deep", "x")] == 26
    assert not any("not-a-key" in path or "not-a-table" in path for path in lines)


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_value = st.recursive(
    st.integers().map(str) | _text.map(_basic) | _text.map(lambda t: f'"""\n{_basic(t)[1:-1]}"""'),
    lambda inner: st.lists(inner, max_size=3).map(lambda v: "[\n" + ",\n".join(v) + "]"),
    max_leaves=5,
)


@given(st.lists(_value, max_size=8))
def test_the_lines_are_right_for_any_values(values: list[str]) -> None:
    """Found by reading the document line by line up to each key."""
    document, expected = "", dict[KeyPath, int]()
    for number, value in enumerate(values):
        expected[(f"k{number}",)] = document.count("\n") + 1
        document += f"k{number} = {value}  # comment = [\n"
    tomllib.loads(document)
    assert key_lines(document) == expected


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    """Some editors write one; line numbers stay right."""
    path = tmp_path / "archive.toml"
    path.write_bytes(b"\xef\xbb\xbflimit = 3\r\ncloud = 5\r\n")
    document = read_document(path)
    assert document.values == {"limit": 3, "cloud": 5}
    assert document.place("cloud") == f"{path}, line 2, cloud"


def test_a_folder_in_the_place_of_a_file_is_told_with_what_was_meant(tmp_path: Path) -> None:
    """Whoever has no configuration file is likely to name the archive."""
    with pytest.raises(ConfigError, match="is a folder") as caught:
        read_document(tmp_path)
    assert f"--into {tmp_path}" in str(caught.value)
