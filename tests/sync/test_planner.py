"""What is decided about a product, from what is known about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from s2fetch.archive.presence import FileState
from s2fetch.archive.records import Failure, Record, Retrieval, RetrievalState, State
from s2fetch.clock import timestamp
from s2fetch.product import Algorithm, Checksum, Product, Proof
from s2fetch.sync.planner import Verdict, plan

MODIFIED = datetime(2024, 6, 1, tzinfo=UTC)
MD5 = Checksum(Algorithm.MD5, "a" * 32)
OTHER_MD5 = Checksum(Algorithm.MD5, "b" * 32)
BLAKE3 = Checksum(Algorithm.BLAKE3, "c" * 64)
LISTED = Product(id="x", name="X.SAFE", size=10, checksums=(MD5,), modified=MODIFIED)
UNLISTED = msgspec.structs.replace(LISTED, checksums=())
OFFLINE = msgspec.structs.replace(LISTED, online=False)
COMPLETE = Record(
    name="X.SAFE",
    state=State.COMPLETE,
    path="X.SAFE.zip",
    size=10,
    checksum=str(MD5),
    listed=str(MD5),
    proof=Proof.MD5,
    modified=timestamp(MODIFIED),
    mtime_ns=77,
)
FILE = FileState("X.SAFE.zip", 10, 77)
FAILURE = Failure(code="body-cut", message="cut", at="2024-06-01T00:00:00Z")


def record(**changes: Any) -> Record:
    return msgspec.structs.replace(COMPLETE, **changes)


def listed(*checksums: Checksum, **changes: Any) -> Product:
    return msgspec.structs.replace(LISTED, checksums=checksums, **changes)


QUARANTINED = record(state=State.QUARANTINED, path=".s2fetch/quarantine/X.SAFE.zip.wrong")
FAILED = Record(name="X.SAFE", state=State.FAILED, failure=FAILURE, attempts=3)
WAITING = Record(
    name="X.SAFE",
    state=State.WAITING,
    retrieval=Retrieval(state=RetrievalState.ACCEPTED, since="2024-06-01T00:00:00Z"),
)


@pytest.mark.parametrize(
    ("product", "known", "file", "verdict", "reason"),
    [
        pytest.param(LISTED, None, None, Verdict.FETCH, "new", id="new"),
        pytest.param(OFFLINE, None, None, Verdict.OFFLINE, "new", id="new and offline"),
        pytest.param(LISTED, COMPLETE, FILE, Verdict.HAVE, "verified", id="complete"),
        pytest.param(OFFLINE, COMPLETE, FILE, Verdict.HAVE, "verified", id="complete, offline"),
        pytest.param(UNLISTED, COMPLETE, FILE, Verdict.HAVE, "verified", id="checksum withdrawn"),
        pytest.param(
            listed(MD5, modified=None), COMPLETE, FILE, Verdict.HAVE, "verified", id="row changed"
        ),
        pytest.param(LISTED, COMPLETE, None, Verdict.FETCH, "missing", id="file missing"),
        pytest.param(
            OFFLINE, COMPLETE, None, Verdict.OFFLINE, "missing", id="file missing, offline"
        ),
        pytest.param(
            LISTED,
            COMPLETE,
            FileState("X.SAFE.zip", 9, 77),
            Verdict.FETCH,
            "changed size",
            id="file cut",
        ),
        pytest.param(
            LISTED,
            COMPLETE,
            FileState("X.SAFE.zip", 10, 78),
            Verdict.VERIFY,
            "touched",
            id="file touched",
        ),
        pytest.param(
            LISTED,
            record(listed="", proof=Proof.ZIP_CRC),
            FILE,
            Verdict.RECORD,
            "lists its checksum now",
            id="late checksum that matches",
        ),
        pytest.param(
            listed(OTHER_MD5),
            record(listed="", proof=Proof.ZIP_CRC),
            FILE,
            Verdict.FETCH,
            "another checksum",
            id="late checksum that differs",
        ),
        pytest.param(
            listed(BLAKE3),
            record(listed="", proof=Proof.ZIP_CRC),
            FILE,
            Verdict.VERIFY,
            "another kind",
            id="late checksum of another kind",
        ),
        pytest.param(
            listed(OTHER_MD5),
            COMPLETE,
            FILE,
            Verdict.FETCH,
            "another checksum",
            id="changed upstream",
        ),
        pytest.param(
            listed(BLAKE3), COMPLETE, FILE, Verdict.VERIFY, "another kind", id="other algorithm"
        ),
        pytest.param(LISTED, QUARANTINED, None, Verdict.QUARANTINED, "twice", id="quarantined"),
        pytest.param(
            listed(OTHER_MD5),
            QUARANTINED,
            None,
            Verdict.FETCH,
            "changed upstream",
            id="quarantined, new checksum",
        ),
        pytest.param(
            listed(MD5, modified=datetime(2024, 7, 1, tzinfo=UTC)),
            QUARANTINED,
            None,
            Verdict.FETCH,
            "changed upstream",
            id="quarantined, row changed",
        ),
        pytest.param(LISTED, FAILED, None, Verdict.FETCH, "failed before", id="failed"),
        pytest.param(
            OFFLINE, FAILED, None, Verdict.OFFLINE, "failed before", id="failed, offline now"
        ),
        pytest.param(LISTED, WAITING, None, Verdict.FETCH, "was waiting", id="back online"),
        pytest.param(OFFLINE, WAITING, None, Verdict.OFFLINE, "was waiting", id="still waiting"),
    ],
)
def test_the_verdict_follows_from_what_is_known(
    product: Product, known: Record | None, file: FileState | None, verdict: Verdict, reason: str
) -> None:
    """Catalogue, record and file decide, and the reason says which of them did."""
    decision = plan(product, known, file)
    assert decision.verdict is verdict
    assert reason in decision.reason
    assert bool(decision.healed) == (reason in ("missing", "changed size"))


@pytest.mark.parametrize("known", [None, COMPLETE, QUARANTINED, FAILED, WAITING])
def test_renewing_fetches_whatever_is_there(known: Record | None) -> None:
    """Unless the product is offline, when it has to be retrieved."""
    assert plan(LISTED, known, FILE, renew=True).verdict is Verdict.FETCH
    assert plan(OFFLINE, known, FILE, renew=True).verdict is Verdict.OFFLINE
