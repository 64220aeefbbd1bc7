"""What to do with a product, from what is known about it. No input, no output, no clock."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from s2fetch.archive.presence import FileState
from s2fetch.archive.records import Record, State
from s2fetch.clock import timestamp
from s2fetch.config.values import OnMissing
from s2fetch.product import Product


class Verdict(StrEnum):
    """What the planner decides about a product."""

    HAVE = "have"
    """On disk, verified, untouched: nothing to do."""
    RECORD = "record"
    """On disk; only its record has to be brought up to date."""
    VERIFY = "verify"
    """A file is there that may be the product; it has to be hashed."""
    FETCH = "fetch"
    """To be downloaded, from where its part file ends."""
    OFFLINE = "offline"
    """Not on disk and not available now: to be retrieved."""
    CONSUMED = "consumed"
    """It was on disk and verified; its file is gone, and that is to be left so."""
    QUARANTINED = "quarantined"
    """The hub has delivered wrong bytes twice and lists the product unchanged."""


class Plan(msgspec.Struct, frozen=True):
    """A verdict with its reason.

    Attributes:
        verdict: What to do.
        reason: Why, for people.
        healed: What of the record turned out to be wrong, or empty.
    """

    verdict: Verdict
    reason: str
    healed: str = ""


HAVE = Plan(Verdict.HAVE, "on disk and verified")


def plan(
    product: Product,
    record: Record | None,
    file: FileState | None,
    *,
    renew: bool = False,
    on_missing: OnMissing = OnMissing.FETCH,
) -> Plan:
    """Decide about one product.

    Args:
        product: As the catalogue lists it now.
        record: What the progress file says, or None.
        file: The recorded file, or None when there is none.
        renew: Whether the user wants it fetched whatever is there.
        on_missing: What is to be done when it was on disk and verified, and its file is gone.
    """
    if renew:
        return _fetch(product, "to be fetched again as asked")
    if record is None:
        return _fetch(product, "new")
    if file is not None and is_untouched(product, record, file):
        return HAVE
    if record.state is State.COMPLETE:
        return _plan_complete(product, record, file, on_missing)
    if record.state is State.CONSUMED:
        return _plan_gone(product, record, on_missing)
    if record.state is State.QUARANTINED and not _changed_upstream(product, record):
        return Plan(
            Verdict.QUARANTINED,
            "the hub delivered the same wrong bytes twice and lists it unchanged",
        )
    if record.state is State.WAITING:
        return _fetch(product, "it was waiting for retrieval")
    if record.state is State.WITHDRAWN:
        return _fetch(product, "the hub lists it again")
    return _fetch(product, "failed before" if record.state is State.FAILED else "changed upstream")


def is_untouched(product: Product, record: Record, file: FileState) -> bool:
    """Whether a product is on disk and verified, and file and listing are as they were then."""
    listed = product.best_checksum
    return (
        record.state is State.COMPLETE
        and file.mtime_ns == record.mtime_ns
        and file.size == record.size
        and (listed is None or record.listed == str(listed))
        and record.withdrawn is None
    )


def _plan_gone(product: Product, record: Record, on_missing: OnMissing) -> Plan:
    """What was on disk and is gone; a new version of it has not been consumed."""
    listed = product.best_checksum
    if on_missing is OnMissing.FETCH:
        return _fetch(product, "it was consumed, and is wanted again")
    if listed is not None and record.listed not in ("", str(listed)):
        return _fetch(product, "it was consumed, and the catalogue lists another checksum now")
    return Plan(Verdict.CONSUMED, "it was here and verified, and is left alone as consumed")


def _plan_complete(
    product: Product, record: Record, file: FileState | None, on_missing: OnMissing
) -> Plan:
    if file is None and on_missing is OnMissing.LEAVE:
        return _plan_gone(product, record, on_missing)
    if file is None:
        return _fetch(product, "its file is missing", f"{record.path} is recorded but missing")
    if file.size != record.size:
        return _fetch(
            product,
            "its file has changed size",
            f"{record.path} has {file.size} bytes instead of {record.size}",
        )
    listed = product.best_checksum
    if listed is not None and record.listed != str(listed):
        # Of an unpacked product no digest of the zip is known.
        if record.checksum == str(listed) or (record.unpacked and not record.listed):
            return Plan(Verdict.RECORD, "the catalogue lists its checksum now")
        if record.unpacked or record.checksum.partition(":")[0] == listed.algorithm:
            return _fetch(product, "the catalogue lists another checksum now")
        return Plan(Verdict.VERIFY, "the catalogue lists another kind of checksum now")
    if file.mtime_ns != record.mtime_ns:
        return Plan(Verdict.VERIFY, "its file was touched since it was verified")
    # Untouched in every other respect, it differs in that it had been withdrawn.
    return Plan(Verdict.RECORD, "the hub lists it again")


def _fetch(product: Product, reason: str, healed: str = "") -> Plan:
    if not product.online:
        return Plan(Verdict.OFFLINE, f"offline ({reason})", healed)
    return Plan(Verdict.FETCH, reason, healed)


def _changed_upstream(product: Product, record: Record) -> bool:
    listed = product.best_checksum
    if (str(listed) if listed else "") != record.listed:
        return True
    return timestamp(product.modified) != record.modified
