"""Thirty days in the life of a daemon: real processes, sockets and files, and one fake clock.

Products are published, modified, withdrawn, dated back, and get their checksums late; old
acquisitions are reprocessed; the hub is down twice, its token server once; a disk fills up; and
five times the daemon's process is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.archive.disks import small_disk
from tests.daemon.soak.story import Outcome, Thirds, soak

DAYS = 30
DISK_BYTES = 64 << 20
MOST_GROWTH = 1.08
"""Of resident memory, in terms of the days before; the allocator keeps some of every peak."""
MOST_BLOCK_GROWTH = 1.03
"""Of what objects take."""
AGAIN_A_KILL = 2
"""Bodies that have to be begun again after a kill: as many as there are slots."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A small volume of its own; None where none can be mounted, and everything else happens."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(small_disk(tmp_path / "disk", size_bytes=DISK_BYTES))
        except pytest.skip.Exception:
            found = None
        yield found


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_after_thirty_days_archive_and_catalogue_agree(
    tmp_path: Path, disk: Path | None
) -> None:
    world = tmp_path / "world"
    world.mkdir()
    outcome = await soak(world, disk, DAYS)
    assert outcome.differences == []
    assert outcome.defects == []
    assert outcome.gaps == []
    assert outcome.exit_code == 0
    assert_nothing_is_fetched_twice(outcome)
    assert_all_of_it_happened(outcome, full_disk=disk is not None)
    assert Thirds.of(outcome.resident).growth < MOST_GROWTH, outcome.resident
    assert Thirds.of(outcome.blocks).growth < MOST_BLOCK_GROWTH, outcome.blocks


def assert_nothing_is_fetched_twice(outcome: Outcome) -> None:
    """What was verified is not fetched again, and what was not only after a kill."""
    assert outcome.twice == []
    assert outcome.bodies <= outcome.versions + outcome.kills * AGAIN_A_KILL


def assert_all_of_it_happened(outcome: Outcome, *, full_disk: bool) -> None:
    """A soak in which nothing goes wrong proves nothing."""
    assert outcome.kills == 5
    assert outcome.products > 3 * DAYS
    assert outcome.withdrawn > DAYS // 3
    always = ["token-outage", "hub-paused", "product-withdrawn"]
    felt = [*always, *(("space-low", "space-back") if full_disk else ())]
    assert [kind for kind in felt if not outcome.felt[kind]] == []
