"""Whole runs when nothing goes wrong."""

from __future__ import annotations

from s2fetch.errors import ExitCode
from s2fetch.product import Proof
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
