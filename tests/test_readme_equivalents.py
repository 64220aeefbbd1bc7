"""The README's table of what users of other programs write now: every line is run as it stands."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s2fetch.embedded.dhus.documents import search_document
from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.dhus.solr.matching import Rules, compiled
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.odata_filter import parse_filter
from s2fetch.embedded.odata_match import condition
from s2fetch.errors import ExitCode
from tests.cli.conftest import Done, Shell
from tests.equivalents.cases import Case, cases
from tests.equivalents.products import body_of, catalogue, served

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TOOLS = ("sentinelsat", "dhusget", "CSO", "rsgislib", "cdsetool", "eodag")
NOW = datetime.now(UTC).replace(microsecond=0)


class Row(msgspec.Struct, frozen=True):
    """A line of the table."""

    tool: str
    wrote: str
    writes: str


def read_table() -> list[Row]:
    """All lines, each with the tool whose heading it is under."""
    found = re.search(r"^\| you wrote \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert found is not None, "the table is not in the README"
    tool, rows = "", []
    for line in found[1].splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert len(cells) == 3, line
        if heading := re.fullmatch(r"\*\*(.+)\*\*", cells[0]):
            tool = heading[1]
            continue
        command = re.fullmatch(r"`([^`]+)`", cells[1])
        assert command is not None, f"not one command: {line}"
        rows.append(Row(tool, cells[0], command[1]))
    return rows


ROWS = read_table()
CASES = cases(NOW)


def case_of(row: Row) -> Case:
    """The one case of a line."""
    found = [case for words, case in CASES.items() if words in row.wrote]
    assert len(found) == 1, f"{len(found)} expectations for the line: {row.wrote}"
    return found[0]


def test_every_tool_has_lines_and_every_line_one_expectation() -> None:
    """Nobody adds a line to the table without saying what it has to select."""
    assert {row.tool for row in ROWS} == set(TOOLS)
    for row in ROWS:
        case_of(row)
    for words in CASES:
        assert sum(words in row.wrote for row in ROWS) == 1, f"no line for {words!r}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.wrote)
def test_what_is_expected_is_what_the_other_tool_asks_for(row: Row) -> None:
    """Its own query finds the same among the same products, where it sends one."""
    case = case_of(row)
    entries = (*case.wanted, *case.beyond, *case.misses)
    assert len({entry.name for entry in entries}) == len(entries)
    expected = {entry.name for entry in (*case.wanted, *case.beyond)}
    if case.solr:
        asked = compiled(case.solr, Rules(now=NOW))
        assert {entry.name for entry in entries if asked(search_document(entry))} == expected
    if case.odata:
        matches = condition(parse_filter(case.odata))
        assert {entry.name for entry in entries if matches(entry)} == expected


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A folder and an environment to run lines in."""
    shell = Shell(tmp_path)
    yield shell
    await shell.clean_up()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.wrote)
async def test_a_line_selects_what_the_other_tool_did(row: Row, shell: Shell) -> None:
    """Run by a shell as it was pasted, against a hub that has what just misses, too."""
    case = case_of(row)
    for name, content in case.files.items():
        (shell.folder / name).write_text(content)
    # Not in the order that is wanted.
    held = catalogue(sorted((*case.misses, *case.beyond, *case.wanted), key=lambda e: e.id))
    hub = EmbeddedDhus(held) if "--kind dhus" in row.writes else EmbeddedHub(held)
    async with hub:
        shell.environment |= hub.environment()
        assert_selected(row, case, await run(shell, row), shell.folder, case.wanted)
        for entry in case.later:
            held.add(*served(entry))
        if case.later:
            again = (*case.wanted, *case.later)
            assert_selected(row, case, await run(shell, row), shell.folder, again)


async def run(shell: Shell, row: Row) -> Done:
    """Run a line in which ``s2fetch`` is this one."""
    script = 's2fetch() { $S2FETCH "$@"; }; set -e -o pipefail\n'
    done = await shell.run_script(script + row.writes)
    assert done.code == ExitCode.OK, done.err
    return done


def assert_selected(
    row: Row, case: Case, done: Done, folder: Path, wanted: Iterable[Entry]
) -> None:
    """The line listed or fetched just this; in its order, where it asks for one."""
    names = [entry.name for entry in wanted]
    if "s2fetch sync" in row.writes:
        assert fetched(row, folder) == expected_files(case, wanted)
    elif "--count" in row.writes:
        assert int(done.out) == len(names)
    elif "--newest-first" in row.writes:
        assert listed(row, done, folder) == names
    else:
        assert Counter(listed(row, done, folder)) == Counter(names)


def expected_files(case: Case, wanted: Iterable[Entry]) -> dict[str, bytes]:
    """Paths below the archive and what is in the files."""
    entries = list(wanted)
    paths = case.paths or [entry.name for entry in entries]
    return {
        path if path.endswith(".nc") else f"{path}.zip": body_of(entry)
        for path, entry in zip(paths, entries, strict=True)
    }


def fetched(row: Row, folder: Path) -> dict[str, bytes]:
    """What is in the archive that the line names, without s2fetch's own files."""
    into = re.search(r"--into (\S+)", row.writes)
    assert into is not None
    archive = folder / into[1]
    return {
        str(path.relative_to(archive)): path.read_bytes()
        for path in archive.rglob("*")
        if path.is_file() and not path.relative_to(archive).parts[0].startswith(".s2fetch")
    }


def listed(row: Row, done: Done, folder: Path) -> list[str]:
    """The names in what the line printed, or wrote into a file."""
    target = re.search(r"> (\S+)$", row.writes)
    text = (folder / target[1]).read_text() if target else done.out
    if "--geojson" in row.writes:
        features: list[dict[str, Any]] = json.loads(text)["features"]
        assert all(feature["geometry"] for feature in features)
        return [feature["properties"]["name"] for feature in features]
    if "--csv" in row.writes:
        return [line["name"] for line in csv.DictReader(io.StringIO(text))]
    return [line.split("\t")[0] for line in text.splitlines()]
