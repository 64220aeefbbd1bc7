"""What a hub of this kind says of products it has taken away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import CatalogueError
from s2fetch.hub.base import Deletion
from s2fetch.hub.dhus import catalogue as module
from s2fetch.hub.dhus.deletions import parse_deletions
from s2fetch.hub.dhus.hub import DhusHub
from tests.hub.dhus.conftest import DhusFactory, TwinFactory
from tests.hub.dhus.products import FIRST, entry_of

SINCE = datetime(2024, 7, 1, 12, tzinfo=UTC)


async def read(hub: DhusHub) -> list[Deletion]:
    return [deletion async for deletion in hub.deletions("SENTINEL-2", SINCE)]


async def test_all_of_a_long_list_is_read_from_a_moment_on(
    twin: TwinFactory, dhus: DhusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, oldest first, also when more than a page were deleted at one moment."""
    monkeypatch.setattr(module, "PAGE_ROWS", 3)
    minutes = (-1, 0, 0, 5, 5, 5, 5, 5, 9)
    entries = [
        entry_of(f"S2A_MSIL1C_{number}.SAFE", "SENTINEL-2", FIRST) for number in range(len(minutes))
    ]
    folder = FolderCatalogue((entry, b"") for entry in entries)
    for entry, minute in zip(entries, minutes, strict=True):
        folder.delete(entry.id, f"after {minute}", SINCE + timedelta(minutes=minute))
    hub = await dhus((await twin(folder)).url)
    found = await read(hub)
    assert [deletion.deleted for deletion in found] == [
        SINCE + timedelta(minutes=minute) for minute in minutes[1:]
    ]
    assert {(deletion.id, deletion.cause) for deletion in found} == {
        (entry.id, f"after {minute}")
        for entry, minute in zip(entries[1:], minutes[1:], strict=True)
    }


@pytest.mark.parametrize(
    "answer", [Answer(400, "no such set"), Answer(404, "Invalid key (x) to access Products")]
)
async def test_a_hub_without_the_list_says_that_nothing_was_done(
    twin: TwinFactory, dhus: DhusFactory, answer: Answer
) -> None:
    """Hubs need not have it."""
    refusing = Fault(answer, on=Kind.DELETED, times=None)
    hub = await dhus((await twin(FolderCatalogue([]), faults=(refusing,))).url)
    with pytest.raises(CatalogueError, match="does not list what it has deleted") as caught:
        await read(hub)
    assert caught.value.did == "Nothing was marked as withdrawn"


def test_a_row_that_cannot_be_placed_is_left_out_and_a_cause_may_be_missing() -> None:
    """An identifier and a moment are all it takes."""
    date = "/Date(1719835200000)/"
    rows = [
        {"Id": "1", "Name": None, "DeletionDate": date, "DeletionCause": None},
        {"Id": "2", "Name": "X", "DeletionDate": None},
        {"Id": None, "Name": "Y", "DeletionDate": date},
    ]
    body = json.dumps({"d": {"results": rows}}).encode()
    assert parse_deletions(body, top=3).deletions == [Deletion("1", "", SINCE, "")]


def test_a_full_page_with_an_odd_entry_is_not_the_last() -> None:
    """Of a hub that runs the Data Hub Software, whose pages have no links."""
    rows = [{"Id": "1", "DeletionDate": "/Date(1717286400000)/"}, {"Id": "2", "DeletionDate": None}]
    body = json.dumps({"d": {"results": rows}}).encode()
    assert parse_deletions(body, top=2).last is False
    assert parse_deletions(body, top=3).last is True
    assert [deletion.id for deletion in parse_deletions(body, top=2).deletions] == ["1"]
