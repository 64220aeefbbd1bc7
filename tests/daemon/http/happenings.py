"""An hour in the life of a daemon, as the engine tells it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from s2fetch.events import (
    AttemptFailed,
    EventBus,
    HubPaused,
    HubResumed,
    ProductCompleted,
    ProductFailed,
    RetrievalRequested,
    RunFinished,
    RunStarted,
    TokenObtained,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
)
from s2fetch.product import Product, Proof
from tests.daemon.controls import NOW, product_name

ACCOUNT = "eo-archive@example.org"
SIZE = 812_000_000


def product(tile: str) -> Product:
    """A product of that tile."""
    return Product(id=f"id-{tile}", name=product_name(tile, NOW - timedelta(hours=6)), size=SIZE)


def transfer(bus: EventBus, tile: str, *, offset: int = 0, slot: int = 1) -> None:
    """One product comes in two pieces and is complete."""
    one, half = product(tile), (SIZE + offset) // 2
    common: dict[str, Any] = {"product": one, "account": ACCOUNT, "slot": slot}
    bus.emit(TransferStarted(**common, attempt=1, offset=offset, size=SIZE))
    bus.emit(TransferProgressed(**common, position=half, size=SIZE))
    bus.emit(TransferProgressed(**common, position=SIZE, size=SIZE))
    bus.emit(TransferEnded(**common, received=SIZE - offset))
    bus.emit(
        ProductCompleted(
            product=one,
            account=ACCOUNT,
            path=f"/data/{one.name}",
            size=SIZE,
            proof=Proof.MD5,
            received=SIZE - offset,
            seconds=118.0,
        )
    )


def happen(everybody: EventBus) -> None:
    """Emit everything, as of the archive alps."""
    bus = EventBus()
    bus.subscribe(lambda event: everybody.emit(msgspec.structs.replace(event, archive="alps")))
    bus.emit(RunStarted(folder="/data/alps", hub="cdse", slots=6))
    bus.emit(TokenObtained(account=ACCOUNT, renewed=False, seconds=600.0))
    bus.emit(TokenObtained(account=ACCOUNT, renewed=True, seconds=600.0))
    transfer(bus, "32TQM")
    transfer(bus, "32TPS", offset=12_000_000, slot=2)
    bus.emit(
        AttemptFailed(
            product=product("33TUM"),
            account=ACCOUNT,
            attempt=2,
            code="body-cut",
            error="the body ended after 311 MB of 812 MB",
            retry_in=32.0,
        )
    )
    bus.emit(HubPaused(host="download.example.org", account="", seconds=60.0, reason="429"))
    bus.emit(HubResumed(host="download.example.org"))
    bus.emit(RetrievalRequested(product=product("32TNS"), answer="it is being retrieved"))
    bus.emit(
        ProductFailed(
            product=product("33TVL"),
            code="access-forbidden",
            error="the account is not entitled to this product",
            next_step="The next run tries again",
        )
    )
    bus.emit(
        RunFinished(
            exit_code=8,
            found=12_700,
            already=12_380,
            fetched=2,
            adopted=0,
            waiting=231,
            failed=1,
            received=2 * SIZE - 12_000_000,
            seconds=4210.0,
        )
    )
