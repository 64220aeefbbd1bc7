"""What happens during a run, as typed values, and the way to those who want to know.

The engine emits; it knows no listener by name. The live view, the log and the report are listeners.
A listener is called at once, on the event loop, and must not block.

Sizes, positions and what is received are bytes, rates bytes per second, durations seconds; times
are ISO 8601 in UTC. Slots and attempts count from 1.

base      what an event is, and the bus
run       a run as a whole, and what it plans
products  what becomes of a product
service   the hub and the accounts
upkeep    the archive: its record, its disk, and the files that are in it
"""

from s2fetch.events.base import (
    Event,
    EventBus,
    Listener,
)
from s2fetch.events.products import (
    AttemptFailed,
    CopyRefused,
    ProductAdopted,
    ProductCompleted,
    ProductConsumed,
    ProductFailed,
    ProductOnline,
    ProductQuarantined,
    ProductWaiting,
    RetrievalRequested,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
)
from s2fetch.events.run import (
    AreaNoted,
    CatalogueCounted,
    GapFound,
    IncrementPlanned,
    NamesNotListed,
    ProductPlanned,
    ProductsPresent,
    ProductSuperseded,
    RunFinished,
    RunStarted,
)
from s2fetch.events.service import (
    AccountThrottled,
    AccountUnthrottled,
    HubPaused,
    HubResumed,
    QuotaFreed,
    QuotaNotKept,
    QuotaUsedUp,
    TokenObtained,
)
from s2fetch.events.upkeep import (
    DeletionsUnread,
    FileDamaged,
    Healed,
    ProductWithdrawn,
    ScrubFinished,
    ScrubStarted,
    SpaceBack,
    SpaceLow,
    TrashingRefused,
    VerificationProgressed,
)

__all__ = [
    "AccountThrottled",
    "AccountUnthrottled",
    "AreaNoted",
    "AttemptFailed",
    "CatalogueCounted",
    "CopyRefused",
    "DeletionsUnread",
    "Event",
    "EventBus",
    "FileDamaged",
    "GapFound",
    "Healed",
    "HubPaused",
    "HubResumed",
    "IncrementPlanned",
    "Listener",
    "NamesNotListed",
    "ProductAdopted",
    "ProductCompleted",
    "ProductConsumed",
    "ProductFailed",
    "ProductOnline",
    "ProductPlanned",
    "ProductQuarantined",
    "ProductSuperseded",
    "ProductWaiting",
    "ProductWithdrawn",
    "ProductsPresent",
    "QuotaFreed",
    "QuotaNotKept",
    "QuotaUsedUp",
    "RetrievalRequested",
    "RunFinished",
    "RunStarted",
    "ScrubFinished",
    "ScrubStarted",
    "SpaceBack",
    "SpaceLow",
    "TokenObtained",
    "TransferEnded",
    "TransferProgressed",
    "TransferStarted",
    "TrashingRefused",
    "VerificationProgressed",
]
