"""Recording one completion in a big archive, against doing it in a small one."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import msgspec

from s2fetch.archive.progress import FOLD_SHARE, ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.product import Proof
from tests.benchmarks.figures import Figure, compared
from tests.benchmarks.measured import in_another_process
from tests.benchmarks.scale import Scale

MOST = 1.5
SMALL = 10
BATCH = 10_000


class Size(msgspec.Struct, frozen=True):
    """Products of the big archive, and completions that are recorded in each."""

    products: int
    completions: int


SIZES = {
    Scale.FULL: Size(1_000_000, 2000),
    Scale.QUICK: Size(200_000, 500),
    Scale.TINY: Size(2_000, 20),
}


class Times(msgspec.Struct, frozen=True):
    """Seconds of every completion in each archive, and of folding the big one's journal once."""

    big: list[float]
    small: list[float]
    fold: float


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it: one flushed record in the one, one in the other, in turn."""
    size = SIZES[scale]
    times = in_another_process(record_in_turn, work, size)
    what = f"recording one completion, {size.products:,} products against {SMALL}"
    per_completion = times.fold / (size.products / FOLD_SHARE)
    small = statistics.median(times.small)
    together = statistics.median(times.big) + per_completion
    return [
        compared(f"{what}, median", _medians(times.big), _medians(times.small), "ms", most=MOST),
        Figure(
            what="the same with the share of the fold that is due now and then",
            ours=f"{together * 1e3:.4g} ms",
            baseline=f"{small * 1e3:.4g} ms",
            ratio=together / small,
        ),
    ]


def record_in_turn(work: Path, size: Size) -> Times:
    """Make both archives and record completions in them."""
    with _archive(work / "big", size.products) as big, _archive(work / "small", SMALL) as small:
        seconds: tuple[list[float], list[float]] = ([], [])
        for number in range(size.completions):
            for progress, taken in zip((big, small), seconds, strict=True):
                product_id, record = _completion(size.products + number)
                started = time.perf_counter()
                progress.record(product_id, record)
                taken.append(time.perf_counter() - started)
        started = time.perf_counter()
        big.fold()
        return Times(*seconds, time.perf_counter() - started)


def _medians(seconds: list[float]) -> list[float]:
    """One median in milliseconds: what is promised is the ratio of the two."""
    return [statistics.median(seconds) * 1e3]


def _archive(root: Path, count: int) -> ProgressFile:
    (root / ".s2fetch").mkdir(parents=True)
    with ProgressFile.load(root, True) as progress:
        for start in range(0, count, BATCH):
            numbers = range(start, min(count, start + BATCH))
            progress.record_many(map(_completion, numbers))
        progress.fold()
    return ProgressFile.load(root, True)


def _completion(number: int) -> tuple[str, Record]:
    name = f"S2A_MSIL1C_20240701T101031_N0511_R022_T32TQM_{number:09d}.SAFE"
    checksum = f"MD5:{number:032x}"
    return f"5e7f0000-5e7f-4000-8000-{number:012x}", Record(
        name=name,
        state=State.COMPLETE,
        path=f"{name}.zip",
        size=800_000_000,
        checksum=checksum,
        listed=checksum,
        proof=Proof.MD5,
        verified="2024-07-01T14:31:00Z",
        source="https://catalogue.dataspace.copernicus.eu/odata/v1",
        modified="2024-07-01T14:30:00Z",
        mtime_ns=1_719_844_260_000_000_000 + number,
    )
