"""The numbers of one archive while a run is under way: every product is counted once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s2fetch.daemon.tally import ArchiveTally
from s2fetch.events import (
    Event,
    ProductCompleted,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductQuarantined,
    ProductWaiting,
)
from s2fetch.product import Product, Proof
from s2fetch.sync.status import Status
from tests.clock import FakeClock

EARLY, LATER = "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"


@pytest.fixture
def tally() -> ArchiveTally:
    """Ten products are there, two wait, one failed."""
    tally = ArchiveTally(FakeClock(datetime(2026, 11, 30, tzinfo=UTC)))
    tally.start_from(
        Status(
            archive="/data/alps",
            complete=10,
            complete_bytes=1000,
            waiting_count=2,
            failed_count=1,
            oldest_waiting=EARLY,
        )
    )
    tally.begin()
    return tally


def product(number: int) -> Product:
    return Product(id=str(number), name=f"product {number}", size=100)


def planned(number: int, verdict: str, was: str) -> Event:
    return ProductPlanned(product=product(number), verdict=verdict, reason="", was=was)


def completed(number: int) -> Event:
    return ProductCompleted(
        product=product(number),
        account="",
        path="",
        size=100,
        proof=Proof.MD5,
        received=100,
        seconds=1.0,
    )


def test_what_waits_or_failed_before_the_run_is_not_counted_twice(tally: ArchiveTally) -> None:
    for number, since in ((1, EARLY), (2, LATER)):
        tally.take(planned(number, "offline", "waiting"))
        tally.take(ProductWaiting(product=product(number), since=since))
    tally.take(planned(3, "fetch", "failed"))
    assert (tally.products["waiting"], tally.products["failed"], tally.queued) == (2, 0, 1)
    tally.take(ProductFailed(product=product(3), code="", error="", next_step=""))
    assert (tally.products["waiting"], tally.products["failed"], tally.queued) == (2, 1, 0)


def test_what_came_wrong_twice_is_quarantined_and_queued_no_more(tally: ArchiveTally) -> None:
    tally.take(planned(3, "fetch", "failed"))
    tally.take(ProductQuarantined(product=product(3), path="", expected="a", computed="b"))
    assert (tally.products["quarantined"], tally.products["failed"], tally.queued) == (1, 0, 0)


def test_a_product_that_is_fetched_again_is_there_once(tally: ArchiveTally) -> None:
    tally.take(planned(4, "fetch", "complete"))
    assert (tally.products["complete"], tally.size_bytes) == (9, 900)
    tally.take(completed(4))
    assert (tally.products["complete"], tally.size_bytes) == (10, 1000)


def test_the_oldest_waiting_product_is_known_while_a_run_is_under_way(
    tally: ArchiveTally,
) -> None:
    assert tally.oldest_waiting == EARLY
    tally.take(planned(2, "offline", "waiting"))
    tally.take(ProductWaiting(product=product(2), since=LATER))
    assert tally.oldest_waiting == EARLY, "the other one was not told of yet"
    tally.take(planned(1, "offline", "waiting"))
    tally.take(ProductWaiting(product=product(1), since=EARLY))
    tally.take(ProductOnline(product=product(1)))
    assert tally.oldest_waiting == LATER
    tally.take(ProductOnline(product=product(2)))
    assert tally.oldest_waiting == ""


def test_one_that_is_back_when_the_run_begins_waits_no_longer(tally: ArchiveTally) -> None:
    tally.take(planned(1, "fetch", "waiting"))
    assert tally.oldest_waiting == ""
    assert tally.products["waiting"] == 1
