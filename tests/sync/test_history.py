"""What is remembered of products, and what becomes of it when the disk is slow or refuses it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from s2fetch.archive.history import Moment, append_history, read_history
from s2fetch.events import FileDamaged, ProductPlanned, TransferStarted
from s2fetch.sync import history as module
from s2fetch.sync.history import Historian
from s2fetch.sync.planner import Verdict
from tests.clock import FakeClock
from tests.rows import product_of

NAME = "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T120000.SAFE"


def damaged(number: int) -> FileDamaged:
    return FileDamaged(product_name=NAME, path="a.zip", reason=f"number {number}")


def written(root: Path, product_id: str = "") -> list[str]:
    """What the history says, without the path at its beginning."""
    return [
        moment.text.removeprefix("a.zip: ")
        for moment in read_history(root, product_id, NAME, most=100)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".s2fetch").mkdir()
    return tmp_path


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 3)


@pytest.mark.usefixtures("three")
async def test_what_comes_while_a_slow_disk_writes_is_not_lost(
    root: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def slowly(root: Path, moments: Iterable[Moment]) -> None:
        writing.set()
        go_on.wait(30)
        append_history(root, moments)

    monkeypatch.setattr(module, "append_history", slowly)
    historian = Historian(root, clock=clock)
    async with anyio.create_task_group() as group:
        for number in range(2):
            historian(damaged(number))
        group.start_soon(historian.close)
        await anyio.to_thread.run_sync(writing.wait, 30)
        for number in range(2, 5):
            historian(damaged(number))
        go_on.set()
    await historian.close()
    assert written(root) == [f"number {number}" for number in range(5)]


@pytest.mark.usefixtures("three")
async def test_what_the_disk_refuses_is_written_later_as_far_as_it_is_kept(
    root: Path, clock: FakeClock
) -> None:
    """The oldest are forgotten first."""
    historian = Historian(root, clock=clock)
    (root / ".s2fetch").rmdir()
    (root / ".s2fetch").touch()
    for number in range(2):
        historian(damaged(number))
    await historian.close()
    (root / ".s2fetch").unlink()
    (root / ".s2fetch").mkdir()
    for number in range(2, 4):
        historian(damaged(number))
    await historian.close()
    assert written(root) == ["number 1", "number 2", "number 3"]


async def test_what_every_run_repeats_is_not_remembered(root: Path, clock: FakeClock) -> None:
    """Such a decision is in the product's record; a transfer that begins is not."""
    product = product_of(NAME)
    historian = Historian(root, clock=clock)
    for verdict in (Verdict.FETCH, Verdict.OFFLINE, Verdict.QUARANTINED):
        historian(ProductPlanned(product=product, verdict=verdict, reason="so"))
    historian(
        TransferStarted(product=product, account="me", slot=2, attempt=1, size=None, offset=0)
    )
    await historian.close()
    assert written(root, product.id) == ["fetch: so", "slot 2: ? begin to arrive"]
