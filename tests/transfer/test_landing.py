"""Small products: from memory into part files, several at a time."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from blake3 import blake3

from s2fetch.archive.part import SMALL_BYTES, PartFile
from s2fetch.archive.space import SpaceGuard
from s2fetch.embedded.faults import Fault, FlippedByte
from s2fetch.errors import ArchiveInUseError, DiskFullError, ExitCode, PartFileError
from s2fetch.events import AttemptFailed, ProductCompleted, TransferEnded
from s2fetch.hub.http import HttpClient
from s2fetch.product import Algorithm, Checksum, Product
from s2fetch.sync import commit as commit_module
from s2fetch.sync.commit import Commit, Committer
from s2fetch.transfer.claims import ProductClaim
from s2fetch.transfer.hashing import Hashing
from s2fetch.transfer.landing import Landing, is_small, land
from tests.sync.conftest import SiteFactory
from tests.sync.site import body_of, catalogue_of, name_of

LENGTHS = (1, 63, 64, 65, 100_000, 99_999, SMALL_BYTES)


def product_of(number: int, body: bytes, algorithm: Algorithm) -> Product:
    made = hashlib.md5(body) if algorithm is Algorithm.MD5 else blake3(body)
    checksum = Checksum(algorithm, made.hexdigest())
    return Product(id=str(number), name=name_of(number), size=len(body), checksums=(checksum,))


def landing_of(
    folder: Path, product: Product, body: bytes, free: Callable[[Path], int] = lambda _: 1 << 40
) -> tuple[PartFile, Landing]:
    part = PartFile(folder, product, Hashing().new_hasher)
    claim = ProductClaim(SpaceGuard(folder, 1000, free=free), product)
    return part, Landing(part, part.open, claim, bytearray(body))


@pytest.mark.parametrize("algorithm", [*Algorithm, None], ids=["md5", "blake3", "both in turn"])
def test_all_bytes_land_and_every_digest_is_right(
    tmp_path: Path, algorithm: Algorithm | None
) -> None:
    """Also of an odd one out, and where digests of two kinds take turns."""
    landed = []
    for number, length in enumerate(LENGTHS):
        kind = algorithm or list(Algorithm)[number % 2]
        body = body_of(length, number)[:length]
        product = product_of(number, body, kind)
        landed.append((product, body, *landing_of(tmp_path, product, body)))
    land(landing for *_, landing in landed)
    for product, body, part, landing in landed:
        assert landing.problem is None
        assert part.path.read_bytes() == body
        assert part.checksum() == product.best_checksum
        part.close()


def test_what_has_landed_when_the_disk_is_full_is_not_written_again(tmp_path: Path) -> None:
    """The same products are landed again when there is space; their digests are still right."""
    bodies = [body_of(5000, number) for number in range(3)]
    space = iter([1 << 40, 5000, 1 << 40, 1 << 40])
    landed = []
    for number, body in enumerate(bodies):
        product = product_of(number, body, Algorithm.MD5)
        made = landing_of(tmp_path, product, body, lambda _: next(space))
        landed.append((product, body, *made))
    landings = [landing for *_, landing in landed]
    with pytest.raises(DiskFullError):
        land(landings)
    land(landings)
    assert list(space) == []
    for product, body, part, _ in landed:
        assert part.path.read_bytes() == body
        assert part.checksum() == product.best_checksum
        part.close()


def test_one_that_another_process_writes_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """The others land."""
    bodies = [body_of(5000, number) for number in range(3)]
    products = [product_of(n, body, Algorithm.MD5) for n, body in enumerate(bodies)]
    made = [landing_of(tmp_path, *each) for each in zip(products, bodies, strict=True)]
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print(flush=True); sys.stdin.read()"
    )
    with Popen(
        [sys.executable, "-c", hold, made[1][0].path], stdin=PIPE, stdout=PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        land(landing for _, landing in made)
        other.communicate("")
    problems = [landing.problem for _, landing in made]
    assert [type(problem) for problem in problems] == [type(None), ArchiveInUseError, type(None)]
    for index in (0, 2):
        assert made[index][0].path.read_bytes() == bodies[index]
        made[index][0].close()


def test_one_that_cannot_be_opened_is_not_tried_again(tmp_path: Path) -> None:
    """The others land, also when all are landed once more."""
    bodies = [body_of(5000, number) for number in range(2)]
    products = [product_of(n, body, Algorithm.MD5) for n, body in enumerate(bodies)]
    made = [landing_of(tmp_path, *each) for each in zip(products, bodies, strict=True)]
    error = PartFileError("it is in the way", product=products[0].name)
    tried: list[str] = []

    def refuse() -> None:
        tried.append(products[0].name)
        raise error

    claim = ProductClaim(SpaceGuard(tmp_path, 0), products[0])
    landings = [Landing(made[0][0], refuse, claim, bytearray(bodies[0])), made[1][1]]
    for _ in range(2):
        land(landings)
    assert [landing.problem for landing in landings] == [error, None]
    assert tried == [products[0].name]
    assert made[1][0].checksum() == products[1].best_checksum
    made[1][0].close()


@pytest.mark.parametrize(
    ("size", "listed", "small"),
    [
        (1, True, True),
        (SMALL_BYTES, True, True),
        (SMALL_BYTES + 1, True, False),
        (1, False, False),
        (None, True, False),
    ],
)
def test_small_is_what_needs_no_resuming_and_has_a_digest(
    size: int | None, listed: bool, small: bool
) -> None:
    """Nothing else may wait in memory until it is known to be right."""
    checksums = (Checksum(Algorithm.MD5, "0" * 32),) if listed else ()
    product = Product(id="1", name="X.SAFE", size=size, checksums=checksums)
    assert is_small(product) is small


async def test_memory_bounds_how_far_downloads_are_ahead_of_the_disk(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has put too much there waits until it is committed; then all goes on."""
    size, most = 40_000, 100_000
    monkeypatch.setattr(commit_module, "MOST_HELD_BYTES", most)
    site = await site_factory(catalogue_of(*(body_of(size, number) for number in range(20))))
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
    arrived = committed = ahead = 0
    for event in site.events:
        arrived += isinstance(event, TransferEnded)
        committed += isinstance(event, ProductCompleted)
        ahead = max(ahead, arrived - committed)
    # Three are too much; each of the four workers may be about to put one there.
    assert ahead * size <= most + 5 * size


async def test_the_slot_goes_to_the_next_product_before_the_last_one_is_looked_at(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is asked for the next body first, so that it has something to do meanwhile."""
    order: list[str] = []
    ask, submit = HttpClient.open, Committer.submit

    def asked(*given: Any, **named: Any) -> Any:
        order.append("asked")
        return ask(*given, **named)

    async def submitted(committer: Committer, commit: Commit) -> None:
        order.append("submitted")
        await submit(committer, commit)

    monkeypatch.setattr(HttpClient, "open", asked)
    monkeypatch.setattr(Committer, "submit", submitted)
    site = await site_factory(catalogue_of(*(body_of(40_000, number) for number in range(8))))
    report = await site.sync(slots=1)
    assert report.exit_code == ExitCode.OK
    assert order == ["asked", *["asked", "submitted"] * 7, "submitted"]


async def test_a_small_product_that_is_wrong_does_not_hold_up_its_commit(
    site_factory: SiteFactory,
) -> None:
    """Those it was to be committed with are, and it is fetched again."""
    site = await site_factory(catalogue_of(*(body_of(40_000, number) for number in range(6))))
    site.hub.faults.add(Fault(FlippedByte(20_000), product=name_of(2)))
    report = await site.sync()
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    failed = [event for event in site.events if isinstance(event, AttemptFailed)]
    assert [(event.product.name, event.code) for event in failed] == [
        (name_of(2), "checksum-mismatch")
    ]
    assert site.leftovers() == []


async def test_a_small_product_nobody_may_write_fails_alone(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part file of somebody else's is told, and the rest of the archive is filled."""
    site = await site_factory(catalogue_of(*(body_of(40_000, number) for number in range(4))))
    opened = PartFile.create

    def refused(part: PartFile) -> bool:
        if part._product.name == name_of(1):
            raise ArchiveInUseError("another process is writing it", product=name_of(1))
        return opened(part)

    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "create", refused)
        report = await site.sync(attempts=2)
    assert report.exit_code == ExitCode.FAILED
    assert (report.fetched, report.failed) == (3, 1)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()
