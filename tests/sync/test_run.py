"""Whole runs when nothing goes wrong."""

from __future__ import annotations

from pathlib import Path

from s2fetch.clock import SystemClock
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.errors import ExitCode
from s2fetch.events import ProductFailed, ProductWaiting, TokenObtained
from s2fetch.product import Product, Proof
from s2fetch.sync.report import MOST_LISTED, Reporter
from tests.conftest import HubFactory
from tests.sync.site import Site


async def test_a_run_fetches_and_verifies_everything_that_matches(site: Site) -> None:
    """Every product is on disk under its name, recorded with its proof, and the exit code is 0."""
    report = await site.sync()
    assert (report.exit_code, report.fetched, report.failed) == (ExitCode.OK, 6, 0)
    site.assert_whole()
    assert {record.proof for record in site.records().values()} == {Proof.MD5}
    assert site.leftovers() == []


async def test_a_second_run_asks_for_nothing_but_the_catalogue(site: Site) -> None:
    """Over a complete archive there is no login and no request besides the pages."""
    await site.sync()
    before = dict(site.stats.requests)
    report = await site.sync()
    asked = {kind: count - before.get(kind, 0) for kind, count in site.stats.requests.items()}
    assert {kind for kind, count in asked.items() if count} == {"search"}
    assert (report.exit_code, report.already, report.fetched) == (ExitCode.OK, 6, 0)
    assert site.stats.logins == 1


async def test_an_empty_archive_logs_in_while_the_first_page_is_awaited(
    hub_factory: HubFactory, tmp_path: Path
) -> None:
    """A catalogue that answers only after somebody has logged in is no obstacle."""
    hub = await hub_factory(faults=[Fault(Answer(500), on=Kind.SEARCH, times=None)])
    site = Site(hub, tmp_path, SystemClock())
    site.on(TokenObtained, hub.faults.clear)
    report = await site.sync(product_type=["S2MSI1C"])
    assert (report.exit_code, report.fetched) == (ExitCode.OK, 6)
    assert (site.stats.logins, site.stats.logouts) == (1, 1)


def test_a_report_is_no_longer_than_people_read() -> None:
    """What failed and what waits is counted in full, and listed up to a limit."""
    reporter = Reporter()
    for number in range(MOST_LISTED + 1):
        product = Product(id=str(number), name=f"P{number}", size=1)
        reporter(ProductWaiting(product=product, since="2024-06-01T00:00:00Z"))
        reporter(ProductFailed(product=product, code="x", error="y", next_step="z"))
    report = reporter.finish(None, seconds=1.0)
    assert (report.failed, report.waiting) == (MOST_LISTED + 1, MOST_LISTED + 1)
    assert len(report.failures) == len(report.offline) == MOST_LISTED
