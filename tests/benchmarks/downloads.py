"""The same products downloaded by s2fetch and by ``curl`` with ``md5sum``, in turn."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from tests.benchmarks.hub_process import HubProcess
from tests.benchmarks.measured import Usage
from tests.benchmarks.products import check_archive, md5s_of
from tests.benchmarks.programs import Synced, curl, md5sum, sync, together


class Pair(msgspec.Struct, frozen=True):
    """One turn of each."""

    ours: Synced
    baseline: Usage


def download_in_turn(
    hub: HubProcess,
    products: Path,
    work: Path,
    *,
    turns: int,
    parallel: int,
    keep: bool = False,
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
        keep: Delete nothing between turns. Right for many small files: ext4 searches long for an
            inode that was not in use a minute ago.
    """
    digests = md5s_of(products)
    ids = hub.listing()
    pairs: list[Pair] = []
    for turn in range(turns + 1):
        folder, archive = work / f"curl-{turn}", work / f"archive-{turn}"
        theirs = _by_curl(hub, ids, digests, folder, work, parallel)
        if not keep:
            shutil.rmtree(folder)
        ours = sync(hub, archive, work, len(digests))
        if turn == 0:
            check_archive(archive, digests)
        else:
            pairs.append(Pair(ours, theirs))
        if not keep:
            shutil.rmtree(archive)
    return pairs


def _by_curl(
    hub: HubProcess,
    ids: dict[str, str],
    digests: dict[str, str],
    folder: Path,
    work: Path,
    parallel: int,
) -> Usage:
    folder.mkdir()
    files = {folder / f"{name}.zip": product_id for product_id, name in ids.items()}
    fetched = curl(hub, files, work, parallel)
    checked = md5sum({path: digests[path.name] for path in files}, work)
    return together([fetched, checked])
