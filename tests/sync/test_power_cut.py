"""Power cuts: of everything that was not flushed, nothing may be relied on."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from s2fetch.archive import part, sidecar
from s2fetch.archive.records import State
from s2fetch.embedded.faults import Cut, Fault
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.errors import ExitCode
from s2fetch.events import TransferStarted
from tests.conftest import HubFactory
from tests.sync.clock import JumpingClock
from tests.sync.conftest import SiteFactory
from tests.sync.durable import Disk
from tests.sync.site import Site, body_of, catalogue_of, entry_of, name_of

LAYOUT = "{year}/{tile}/{name}"
CUTS = 14


async def flushed(site: Site, monkeypatch: pytest.MonkeyPatch, wanted: frozenset[int]) -> Disk:
    """Run to the end and watch what is flushed."""
    site.root.mkdir()
    disk = Disk(site.root, wanted)
    with monkeypatch.context() as patch:
        disk.watch(patch)
        report = await site.sync(layout=LAYOUT)
    disk.close()
    assert report.exit_code == ExitCode.OK
    return disk


def assert_nothing_untrue(site: Site) -> None:
    """Final names have whole products, and records have their files."""
    for name in site.visible():
        (entry,) = (each for each in site.entries if each.name in name)
        assert (site.root / name).read_bytes() == site.bytes_of(entry), name
    for product_id, record in site.records().items():
        if record.state is State.COMPLETE:
            (entry,) = (each for each in site.entries if each.id == product_id)
            assert (site.root / record.path).read_bytes() == site.bytes_of(entry)


@pytest.mark.parametrize("renames_survive", [False, True], ids=["strict", "journalling"])
async def test_after_a_power_cut_everything_recorded_is_whole_and_the_rest_is_fetched(
    site_factory: SiteFactory,
    clock: JumpingClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    renames_survive: bool,
) -> None:
    """At any flush, for what is surely on the disk and for what a journal would keep."""
    monkeypatch.setattr(part, "CHECKPOINT_BYTES", 300_000)
    sizes = [1000, 1_500_000, 40_000, 1_200_000, 5, 2_000_000]
    site = await site_factory(catalogue_of(*(body_of(s, n) for n, s in enumerate(sizes))))
    for number in (1, 5):
        site.hub.faults.add(Fault(Cut(1_000_000), product=name_of(number)))
    count = (await flushed(site, monkeypatch, frozenset())).flushes
    choice = random.Random(11)
    again = Site(site.hub, tmp_path, clock, name="again")
    for number in (1, 5):
        site.hub.faults.add(Fault(Cut(1_000_000), product=name_of(number)))
    wanted = frozenset(choice.sample(range(1, count - 2), min(CUTS, count - 3)))
    disk = await flushed(again, monkeypatch, wanted)
    boot = tmp_path / "boot"
    boot.write_text("after the power cut")
    monkeypatch.setattr(sidecar, "BOOT_ID", boot)
    assert len(disk.snapshots) >= CUTS // 2
    for number, snapshot in enumerate(disk.snapshots):
        left = Site(site.hub, tmp_path, clock, name=f"left-{number}")
        snapshot.build(left.root, renames_survive=renames_survive)
        assert_nothing_untrue(left)
        assert (await left.sync(layout=LAYOUT)).exit_code == ExitCode.OK
        left.assert_whole()


async def test_flushed_bytes_of_a_part_file_survive_a_power_cut(
    site_factory: SiteFactory,
    clock: JumpingClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A download of hours is not begun anew: what was flushed is continued, in new folders too."""
    monkeypatch.setattr(part, "CHECKPOINT_BYTES", 500_000)
    body = body_of(2_500_000)
    site = await site_factory(catalogue_of(body), bytes_per_second=20_000_000.0)
    disk = await flushed(site, monkeypatch, frozenset(range(1000)))
    # The last instant at which nothing had its final name yet.
    before = [
        shot
        for shot in disk.snapshots
        if not any(".zip" in n for e in shot.present.values() for n in e)
    ]
    boot = tmp_path / "boot"
    boot.write_text("after the power cut")
    monkeypatch.setattr(sidecar, "BOOT_ID", boot)
    left = Site(site.hub, tmp_path, clock, name="left")
    before[-1].build(left.root, renames_survive=False)
    assert (await left.sync(layout=LAYOUT)).exit_code == ExitCode.OK
    left.assert_whole()
    assert left.seen(TransferStarted)[0].offset >= 400_000


async def test_a_file_that_was_moved_aside_survives_a_power_cut(
    hub_factory: HubFactory,
    clock: JumpingClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whenever it happens, somebody's file is in its old place or in its new one."""
    body = body_of(1000)
    hub = await hub_factory(catalogue_of(body), clock=clock)
    site = Site(hub, tmp_path, clock)
    site.root.mkdir()
    precious = site.root / f"{name_of(0)}.zip"
    precious.write_bytes(b"precious")
    disk = Disk(site.root, frozenset(range(1000)))
    with monkeypatch.context() as patch:
        disk.watch(patch)
        # It has been there for a long time.
        for path in (precious, site.root):
            descriptor = os.open(path, os.O_RDONLY)
            disk._flush(descriptor)
            os.close(descriptor)
        assert (await site.sync()).exit_code == ExitCode.OK
    disk.close()
    for number, snapshot in enumerate(disk.snapshots[1:]):
        for renames_survive in (False, True):
            left = tmp_path / f"left-{number}-{renames_survive}"
            snapshot.build(left, renames_survive=renames_survive)
            kept = [path for path in left.rglob("*") if path.is_file()]
            assert b"precious" in [path.read_bytes() for path in kept], number


async def test_a_file_that_was_put_there_survives_a_power_cut_once_it_is_recorded(
    hub_factory: HubFactory,
    clock: JumpingClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever copied it has not flushed it, nor the new folder it lies in."""
    hub = await hub_factory(catalogue_of(body_of(100_000)), clock=clock)
    site = Site(hub, tmp_path, clock)
    site.root.mkdir()
    disk = Disk(site.root, frozenset(range(1000)))
    with monkeypatch.context() as patch:
        disk.watch(patch)
        folder = site.root / "2024" / "32TQM"
        folder.mkdir(parents=True)
        (folder / f"{name_of(0)}.zip").write_bytes(body_of(100_000))
        report = await site.sync(layout=LAYOUT)
    disk.close()
    assert (report.exit_code, report.adopted) == (ExitCode.OK, 1)
    for number, snapshot in enumerate(disk.snapshots):
        left = Site(hub, tmp_path, clock, name=f"left-{number}")
        snapshot.build(left.root, renames_survive=False)
        assert_nothing_untrue(left)
    left.assert_whole()


async def test_an_order_is_known_after_a_power_cut_in_a_new_archive(
    hub_factory: HubFactory,
    clock: JumpingClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was fetched yet that would have had the archive's folders flushed."""
    body = body_of(1000)
    catalogue = FolderCatalogue([(entry_of(0, body, online=False), body)])
    hub = await hub_factory(catalogue, clock=clock, retrieval_seconds=100_000.0)
    site = Site(hub, tmp_path / "new", clock)
    disk = Disk(tmp_path, frozenset(range(1000)))
    with monkeypatch.context() as patch:
        disk.watch(patch)
        assert (await site.sync(offline="request")).exit_code == ExitCode.WAITING
    disk.close()
    assert sum(hub.stats.retrievals.values()) == 1
    disk.snapshots[-1].build(tmp_path / "left", renames_survive=False)
    left = Site(hub, tmp_path / "left" / "new", clock)
    assert (await left.sync(offline="request")).exit_code == ExitCode.WAITING
    assert sum(hub.stats.retrievals.values()) == 1
