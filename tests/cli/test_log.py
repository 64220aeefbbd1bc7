"""The log: one line for each event."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s2fetch.cli.log import EventLog, goes_to_journal
from s2fetch.events import (
    AttemptFailed,
    EventBus,
    ProductFailed,
    ProductPlanned,
    RunFinished,
    TransferProgressed,
    TransferStarted,
)
from s2fetch.product import Product

PRODUCT = Product(id="an-id", name="a-name.SAFE", size=10)
STARTED = TransferStarted(product=PRODUCT, account="me", slot=1, attempt=2, offset=0, size=10)
PLANNED = ProductPlanned(product=PRODUCT, verdict="fetch", reason="new")
PROGRESSED = TransferProgressed(product=PRODUCT, account="me", slot=1, position=5, size=10)
FAILED = AttemptFailed(
    product=PRODUCT, account="me", attempt=2, code="body-cut", error="it ended", retry_in=2.00049
)
FINISHED = RunFinished(
    exit_code=0,
    found=1,
    already=0,
    fetched=1,
    adopted=0,
    waiting=0,
    failed=0,
    received=10,
    seconds=1.5,
)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_name_level_time_and_the_bound_fields() -> None:
    """Product, account and attempt have the same names in every line; the time is ISO, UTC."""
    stream = io.StringIO()
    log = EventLog(stream, as_json=True, least="info")
    log(STARTED)
    log(FAILED)
    first, second = lines(stream)
    moment = datetime.fromisoformat(first.pop("timestamp"))
    assert moment.tzinfo == UTC
    assert first == {
        "event": "transfer-started",
        "level": "info",
        "product": "a-name.SAFE",
        "product_id": "an-id",
        "account": "me",
        "slot": 1,
        "attempt": 2,
        "offset": 0,
        "size": 10,
    }
    assert (second["event"], second["level"]) == ("attempt-failed", "warning")
    assert (second["product"], second["account"], second["attempt"]) == ("a-name.SAFE", "me", 2)
    assert second["retry_in"] == 2.0


def test_the_end_of_a_product_says_which_attempt_it_was() -> None:
    """Bound from its transfer, also when that itself is not logged; for that product alone."""
    stream = io.StringIO()
    log = EventLog(stream, as_json=True, least="warning")
    failed = ProductFailed(product=PRODUCT, code="x", error="y", next_step="z")
    log(STARTED)
    log(failed)
    log(failed)
    first, second = lines(stream)
    assert (first["account"], first["attempt"]) == ("me", 2)
    assert "attempt" not in second


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        ("debug", ["product-planned", "transfer-started", "attempt-failed", "run-finished"]),
        ("info", ["transfer-started", "attempt-failed", "run-finished"]),
        ("warning", ["attempt-failed"]),
    ],
)
def test_the_level_decides_what_is_logged(least: str, expected: list[str]) -> None:
    """Progress is for those who watch, and never logged."""
    stream = io.StringIO()
    log = EventLog(stream, as_json=True, least=least)
    for event in (PLANNED, STARTED, PROGRESSED, FAILED, FINISHED):
        log(event)
    assert [line["event"] for line in lines(stream)] == expected


def test_what_is_not_logged_is_not_even_looked_at() -> None:
    """A run over 200,000 products tells about each, and the log must not slow it down."""

    class Untouchable(ProductPlanned, frozen=True, kw_only=True):
        def __getattribute__(self, name: str) -> object:
            assert name in ("level", "__class__"), f"{name} was read"
            return super().__getattribute__(name)

    log = EventLog(io.StringIO(), as_json=True, least="info")
    log(Untouchable(product=PRODUCT, verdict="have", reason=""))


def test_readable_lines_are_readable() -> None:
    """Name and fields in plain text, without colours unless asked for."""
    stream = io.StringIO()
    EventLog(stream, as_json=False, least="info")(STARTED)
    (line,) = stream.getvalue().splitlines()
    assert "transfer-started" in line
    assert "product=a-name.SAFE" in line
    assert "attempt=2" in line
    assert "\x1b" not in line


def test_a_name_from_the_hub_cannot_break_a_line() -> None:
    """Nor steer the terminal that shows the log."""
    stream = io.StringIO()
    hostile = Product(id="x", name="evil\n\x1b[2Jname")
    log = EventLog(stream, as_json=False, least="debug")
    log(ProductPlanned(product=hostile, verdict="fetch", reason=""))
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_a_stream_that_breaks_is_given_up() -> None:
    """The run goes on although nobody reads the log."""

    class Broken(io.StringIO):
        writes = 0

        def write(self, _: str) -> int:
            Broken.writes += 1
            raise BrokenPipeError

    log = EventLog(Broken(), as_json=True, least="info")
    log(STARTED)
    log(STARTED)
    assert Broken.writes == 1


def test_warnings_of_libraries_are_lines_of_the_same_log() -> None:
    """So that JSON stays JSON."""
    stream = io.StringIO()
    bus = EventBus()
    with EventLog(stream, as_json=True, least="info").shown(bus):
        bus.emit(STARTED)
        logging.getLogger("some.library").warning("odd: %s", "thing")
    bus.emit(STARTED)
    first, second = lines(stream)
    assert first["event"] == "transfer-started"
    assert (second["event"], second["logger"], second["message"]) == (
        "library",
        "some.library",
        "odd: thing",
    )


@pytest.mark.parametrize("as_json", [True, False])
def test_lines_for_the_journal_begin_with_their_priority(as_json: bool) -> None:
    """journald takes it away, and the filter by priority works."""
    stream = io.StringIO()
    log = EventLog(stream, as_json=as_json, least="debug", to_journal=True)
    for level in ("debug", "info", "warning", "error"):
        log.write(level, "told")
    assert [line[:3] for line in stream.getvalue().splitlines()] == ["<7>", "<6>", "<4>", "<3>"]
    if as_json:
        for line in stream.getvalue().splitlines():
            assert msgspec.json.decode(line[3:])["event"] == "told"


def test_only_the_journals_own_stream_gets_priorities(tmp_path: Path) -> None:
    """A child of a service that logs to a file inherits the variable, and is not meant."""
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as file:
        status = (tmp_path / "journal").stat()
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert goes_to_journal(journal, environ)
        assert not goes_to_journal(file, environ)
        assert not goes_to_journal(journal, {})
    assert not goes_to_journal(io.StringIO(), environ)
