"""Runs of accounts with a quota: they keep below it, wait without a slot, and share it."""

from __future__ import annotations

from pathlib import Path

import anyio

from s2fetch.account.ledger import Ledger
from s2fetch.account.pacing import hour_of
from s2fetch.embedded.identity import User
from s2fetch.errors import ExitCode
from s2fetch.events import ProductCompleted, QuotaFreed, QuotaUsedUp, TransferStarted
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, off_loop

QUOTA = "720 kB"
"""72,000 bytes at once, and 900 an hour."""


def ledgers(site: Site) -> dict[str, dict[int, int]]:
    """What is written down, by account."""

    def read() -> dict[str, dict[int, int]]:
        found = (site.state / "received").glob("*/received.log")
        return {path.parent.name: Ledger(path.parent).read() for path in found}

    return off_loop(read)


async def test_every_byte_that_came_is_in_the_accounts_ledger(site: Site) -> None:
    """Also without a quota, and over several runs."""
    report = await site.sync()
    (hours,) = ledgers(site).values()
    assert sum(hours.values()) == report.received
    assert set(hours) <= {hour_of(site.clock.now()) - n for n in range(3)}
    renewed = await site.sync(renew=True)
    (hours,) = ledgers(site).values()
    assert sum(hours.values()) == report.received + renewed.received


async def test_a_run_keeps_below_its_quota_and_ends_all_the_same(
    site_factory: SiteFactory,
) -> None:
    """It says that it waits and until when; nothing is fetched meanwhile."""
    site = await site_factory(catalogue_of(*(body_of(30_000, n) for n in range(4))))
    report = await site.sync(quota=QUOTA)
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    assert site.seen(QuotaUsedUp)
    assert len(site.seen(QuotaUsedUp)) == len(site.seen(QuotaFreed))
    (hours,) = ledgers(site).values()
    assert sum(hours.values()) == report.received == 120_000
    assert 53 <= max(hours) - min(hours) <= 56


async def test_no_more_is_begun_than_the_budget_holds(site_factory: SiteFactory) -> None:
    """Two products of four at once; the others have to wait for 20 and 54 hours."""
    site = await site_factory(catalogue_of(*(body_of(30_000, n) for n in range(4))))
    begun: list[float] = []
    site.on(TransferStarted, lambda: begun.append(site.clock.monotonic() / 3600))
    await site.sync(quota=QUOTA)
    first, _, third, fourth = begun
    assert third - first >= 18
    assert fourth - first >= 52


async def test_an_account_without_budget_leaves_the_work_to_the_others(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """And does not keep the run from ending."""
    users = (User(name="one", password="p1"), User(name="two", password="p2"))
    site = await site_factory(catalogue_of(*(body_of(30_000, n) for n in range(6))), users=users)
    lines = [f'into = "{site.root}"', 'reserve = "0"']
    for user, quota in zip(users, ('quota = "10 kB"', ""), strict=True):
        credentials = tmp_path / f"{user.name}.toml"
        credentials.write_text(f'user = "{user.name}"\npassword = "{user.password}"\n')
        credentials.chmod(0o600)
        lines += ["[[accounts]]", f'user = "{user.name}"', f'credentials-file = "{credentials}"']
        lines += [quota]
    file = tmp_path / "archive.toml"
    file.write_text("\n".join(lines))
    report = await site.sync(file=file)
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    assert [event.account for event in site.seen(ProductCompleted)].count("two") >= 5
    assert site.clock.monotonic() < 720 * 3600


async def test_a_run_that_waits_for_its_quota_can_be_stopped(site_factory: SiteFactory) -> None:
    """At once; the next one goes on."""
    site = await site_factory(catalogue_of(*(body_of(60_000, n) for n in range(3))))
    with anyio.CancelScope() as scope:
        site.on(QuotaUsedUp, scope.cancel)
        await site.sync(quota=QUOTA)
    assert not site.seen(QuotaFreed)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
