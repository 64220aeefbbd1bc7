"""What happened since the daemon began, counted from its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from s2fetch.errors import ExitCode, S2FetchError
from s2fetch.events import (
    AttemptFailed,
    Event,
    FileDamaged,
    Healed,
    HubPaused,
    ProductAdopted,
    ProductCompleted,
    ProductFailed,
    ProductQuarantined,
    RetrievalRequested,
    RunFinished,
    TokenObtained,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
)

_OTHERS: dict[type[Event], str] = {
    ProductCompleted: "completed",
    ProductAdopted: "adopted",
    ProductQuarantined: "quarantined",
    RetrievalRequested: "retrievals",
    FileDamaged: "damaged",
    Healed: "healed",
}


class Tally:
    """A listener that counts. What it counts by is bounded: archives, accounts, codes of errors.

    Attributes:
        received: Bytes by account.
        retries: Attempts that failed and are repeated, by archive and code of the error.
        failures: Products given up for a run, by archive and code of the error.
        tokens: Access tokens by account and way, ``login`` or ``renewal``.
        runs: Runs that ended, by archive and outcome.
        hub_pauses: Times a hub made us wait, by scope: ``host`` or ``account``.
        others: Everything else, by what it is and archive.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.retries: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.runs: Counter[tuple[str, str]] = Counter()
        self.hub_pauses: Counter[str] = Counter(host=0, account=0)
        self.others: dict[str, Counter[str]] = {kind: Counter() for kind in _OTHERS.values()}
        self._codes = frozenset(_codes(S2FetchError))
        self._positions: dict[tuple[str, int], tuple[int, int]] = {}
        self._takers: dict[type[Event], Callable[[Any], None]] = {
            TransferStarted: self._started,
            TransferProgressed: self._progressed,
            TransferEnded: self._ended,
            AttemptFailed: self._attempt_failed,
            ProductFailed: self._product_failed,
            HubPaused: self._hub_paused,
            TokenObtained: self._token,
            RunFinished: self._run_finished,
            **dict.fromkeys(_OTHERS, self._other),
        }

    def __call__(self, event: Event) -> None:
        """Count one event."""
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    def _other(self, event: Event) -> None:
        self.others[_OTHERS[type(event)]][event.archive] += 1

    def _code(self, code: str) -> str:
        return code if code in self._codes else "other"

    def _started(self, event: TransferStarted) -> None:
        self._positions[event.account, event.slot] = event.offset, 0

    def _progressed(self, event: TransferProgressed) -> None:
        """Count while bytes arrive: at its end alone, a large product would be one big step."""
        key = event.account, event.slot
        position, counted = self._positions.get(key, (event.position, 0))
        more = max(0, event.position - position)
        self.received[event.account] += more
        self._positions[key] = event.position, counted + more

    def _ended(self, event: TransferEnded) -> None:
        _, counted = self._positions.pop((event.account, event.slot), (0, 0))
        self.received[event.account] += max(0, event.received - counted)

    def _attempt_failed(self, event: AttemptFailed) -> None:
        self.retries[event.archive, self._code(event.code)] += 1

    def _product_failed(self, event: ProductFailed) -> None:
        self.failures[event.archive, self._code(event.code)] += 1

    def _hub_paused(self, event: HubPaused) -> None:
        self.hub_pauses["account" if event.account else "host"] += 1

    def _token(self, event: TokenObtained) -> None:
        self.tokens[event.account, "renewal" if event.renewed else "login"] += 1

    def _run_finished(self, event: RunFinished) -> None:
        self.runs[event.archive, ExitCode(event.exit_code).outcome] += 1


def _codes(of: type[S2FetchError]) -> Iterator[str]:
    """The codes of an error and of all errors below it in the tree."""
    yield of("").code
    for below in of.__subclasses__():
        yield from _codes(below)
