"""The same products downloaded by s2fetch and by ``curl`` with ``md5sum``, in turn."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.hub_process import HubProcess
from tests.benchmarks.measured import Usage
from tests.benchmarks.products import check_archive, md5s_of
from tests.benchmarks.programs import Synced, curl, empty, md5sum, sync, together


class Pair(msgspec.Struct, frozen=True):
    """One turn of each."""

    ours: Synced
    baseline: Usage


def download_in_turn(
    hub: HubProcess, products: Path, work: Path, *, turns: int, parallel: int
) -> list[Pair]:
    """Download everything a hub has, once for nothing and then several times for the record.

    The first turn warms up both sides and proves with our own hashes that s2fetch keeps the right
    bytes; later turns rely on its report and on ``md5sum``.

    Args:
        hub: Where from.
        products: The folder it serves.
        work: A folder for what is downloaded.
        turns: How many pairs to measure.
        parallel: Transfers ``curl`` makes at a time.
    """
    digests = md5s_of(products)
    ids = hub.listing()
    pairs: list[Pair] = []
    for turn in range(turns + 1):
        theirs = _by_curl(hub, ids, digests, work, parallel)
        archive = work / "archive"
        empty(archive)
        ours = sync(hub, archive, work, len(digests))
        if turn == 0:
            check_archive(archive, digests)
        else:
            pairs.append(Pair(ours, theirs))
        empty(archive)
    return pairs


def _by_curl(
    hub: HubProcess, ids: dict[str, str], digests: dict[str, str], work: Path, parallel: int
) -> Usage:
    folder = work / "curl"
    empty(folder)
    files = {folder / f"{name}.zip": product_id for product_id, name in ids.items()}
    fetched = curl(hub, files, work, parallel)
    checked = md5sum({path: digests[path.name] for path in files}, work)
    empty(folder)
    return together([fetched, checked])
