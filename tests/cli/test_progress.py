"""The sums the live view shows."""

from __future__ import annotations

from s2fetch.cli.progress import Progress
from s2fetch.events import (
    CatalogueCounted,
    Event,
    ProductAdopted,
    ProductCompleted,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductWaiting,
    RunStarted,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
    VerificationProgressed,
)
from s2fetch.product import Product, Proof


def product(number: int) -> Product:
    """A product of 1000 bytes."""
    return Product(id=str(number), name=f"product-{number}", size=1000)


class Watched:
    """A progress with a clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.progress = Progress(lambda: self.now)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.progress(event)


def planned(number: int, verdict: str = "fetch") -> ProductPlanned:
    return ProductPlanned(product=product(number), verdict=verdict, reason="")


def started(number: int, slot: int = 1, offset: int = 0, account: str = "a") -> TransferStarted:
    return TransferStarted(
        product=product(number), account=account, slot=slot, attempt=1, offset=offset, size=1000
    )


def progressed(number: int, position: int, slot: int = 1) -> TransferProgressed:
    return TransferProgressed(
        product=product(number), account="a", slot=slot, position=position, size=1000
    )


def test_a_slot_shows_its_product_with_rate_and_time_left() -> None:
    """Kept bytes count as there, and not as arrived."""
    watched = Watched()
    watched.tell(RunStarted(folder="x", hub="y", slots=2), planned(1), started(1, offset=200))
    watched.progress.slots()
    watched.now = 2.0
    watched.tell(progressed(1, 600))
    (slot,) = watched.progress.slots()
    assert (slot.label, slot.name, slot.position, slot.size) == ("1", "product-1", 600, 1000)
    assert slot.rate == 200
    assert slot.left == 2


def test_a_slot_without_a_body_is_idle() -> None:
    """It keeps its line."""
    watched = Watched()
    watched.tell(
        started(1),
        TransferEnded(product=product(1), account="a", slot=1, received=1000),
    )
    (slot,) = watched.progress.slots()
    assert slot.name == ""


def test_slots_of_several_accounts_are_told_apart() -> None:
    """By the account's name; in order."""
    watched = Watched()
    watched.tell(started(2, slot=1, account="b"), started(1, slot=2), started(3, slot=1))
    assert [slot.label for slot in watched.progress.slots()] == ["a:1", "a:2", "b:1"]


def test_the_total_counts_what_is_done_and_what_is_left() -> None:
    """Already there, fetched and adopted are done; waiting and failed are told."""
    watched = Watched()
    watched.tell(
        CatalogueCounted(count=6),
        planned(1, "have"),
        planned(2),
        planned(3, "verify"),
        planned(4, "offline"),
        planned(5),
        planned(6, "quarantined"),
        ProductWaiting(product=product(4), since=""),
        ProductWaiting(product=product(4), since=""),
        ProductCompleted(
            product=product(2),
            account="a",
            path="",
            size=1000,
            proof=Proof.MD5,
            received=1000,
            seconds=1,
        ),
        ProductAdopted(product=product(3), path="", size=1000, proof=Proof.MD5),
        ProductFailed(product=product(5), code="", error="", next_step=""),
    )
    total = watched.progress.total()
    assert (total.done, total.products, total.waiting, total.failed) == (3, 6, 1, 2)
    assert (total.done_bytes, total.total_bytes) == (2000, 3000)
    watched.tell(ProductOnline(product=product(4)))
    assert watched.progress.total().waiting == 0


def test_bytes_under_way_are_in_the_total() -> None:
    """And the rate is that of all slots together."""
    watched = Watched()
    watched.tell(planned(1), planned(2), started(1), started(2, slot=2))
    watched.progress.total()
    watched.now = 1.0
    watched.tell(progressed(1, 300), progressed(2, 500, slot=2))
    total = watched.progress.total()
    assert (total.done_bytes, total.total_bytes) == (800, 2000)
    assert total.rate == 800
    assert total.left == 1.5


def test_a_restart_from_zero_does_not_count_backwards() -> None:
    """What arrived has arrived, even if it has to arrive again."""
    watched = Watched()
    watched.tell(planned(1), started(1))
    watched.progress.total()
    watched.tell(progressed(1, 900), started(1), progressed(1, 100))
    watched.now = 1.0
    total = watched.progress.total()
    assert total.done_bytes == 100
    assert total.rate == 1000


def test_bytes_of_a_broken_attempt_count_until_the_next_one() -> None:
    """The sum does not fall back while the product waits for its turn, nor count them twice."""
    watched = Watched()
    watched.tell(
        planned(1),
        started(1),
        progressed(1, 600),
        TransferEnded(product=product(1), account="a", slot=1, received=600),
    )
    assert watched.progress.total().done_bytes == 600
    watched.tell(started(1, slot=2, offset=500))
    assert watched.progress.total().done_bytes == 500


def test_a_verification_has_its_own_sums() -> None:
    """Files and bytes, done and altogether."""
    watched = Watched()
    assert watched.progress.check() is None
    watched.tell(VerificationProgressed(done=1, total=4, done_bytes=100, total_bytes=400))
    watched.progress.check()
    watched.now = 1.0
    watched.tell(VerificationProgressed(done=2, total=4, done_bytes=200, total_bytes=400))
    check = watched.progress.check()
    assert check is not None
    assert (check.done, check.total, check.rate, check.left) == (2, 4, 100, 2)
