"""What the records of an archive say about its days."""

from __future__ import annotations

from pathlib import Path

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.daemon.inspection import coverage
from s2fetch.daemon.state import DayCoverage


def name(day: int, tile: str) -> str:
    return f"S2B_MSIL1C_202606{day:02}T101031_N0511_R022_T{tile}_202606{day:02}T121212.SAFE"


def test_a_product_whose_turn_comes_is_counted_once_whatever_its_record_says(
    tmp_path: Path,
) -> None:
    records = {
        "complete": Record(name=name(1, "32TQM"), state=State.COMPLETE),
        "failed": Record(name=name(1, "32TPM"), state=State.FAILED),
        "again": Record(name=name(2, "32TQM"), state=State.FAILED),
        "waiting": Record(name=name(2, "32TPM"), state=State.WAITING),
    }
    with ProgressFile.load(tmp_path, True) as progress:
        progress.record_many(records.items())
    queued = {"again": name(2, "32TQM"), "new": name(3, "32TQM"), "odd": "no name of a product"}
    assert coverage(tmp_path, queued) == [
        DayCoverage(day="2026-06-01", complete=1, missing=1),
        DayCoverage(day="2026-06-02", waiting=1, queued=1),
        DayCoverage(day="2026-06-03", queued=1),
    ]
