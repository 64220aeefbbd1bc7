"""The summary of a run: what was found, what is on disk, what failed or waits and why."""

from __future__ import annotations

import msgspec

from s2fetch.errors import ExitCode, S2FetchError
from s2fetch.events import (
    Event,
    ProductAdopted,
    ProductCompleted,
    ProductConsumed,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductQuarantined,
    ProductsPresent,
    ProductSuperseded,
    ProductWaiting,
    TransferEnded,
)
from s2fetch.sync.planner import Verdict

MOST_LISTED = 1000
"""Products listed by name in each list of a report; the counts are always whole."""


class FailedProduct(msgspec.Struct, frozen=True):
    """A product that failed, why, and what happens to it next."""

    id: str
    name: str
    code: str
    error: str
    next_step: str


class WaitingProduct(msgspec.Struct, frozen=True):
    """An offline product and since when (ISO 8601) it is waited for."""

    id: str
    name: str
    since: str


class Report(msgspec.Struct, kw_only=True):
    """What came of a run. Sizes in bytes, times in seconds.

    Attributes:
        exit_code: See `errors.ExitCode`.
        outcome: Its name in lower case, e.g. ``ok``, ``failed``, ``waiting``.
        error: What ended the run early, or empty.
        started: When it began, ISO 8601.
        seconds: How long it took.
        found: Products that matched and are wanted.
        superseded: Products that matched besides and were left out, because there are better
            versions of them.
        other_versions: Of those found, how many are another version of one found before.
        already: Of these, on disk and verified before.
        consumed: On disk and verified once; their files are gone, which is left so.
        fetched: Downloaded and verified in this run.
        adopted: Found on disk unrecorded, or touched, and proved to be right.
        waiting: Offline, to be fetched later.
        failed: Given up by this run, quarantined ones included.
        received: Bytes that came over the network.
        stored: Bytes of the products fetched.
        missing_names: Names and identifiers asked for that the hub does not know.
        failures: The failed products.
        offline: The waiting products.
    """

    exit_code: int = ExitCode.OK
    outcome: str = "ok"
    error: str = ""
    started: str = ""
    seconds: float = 0.0
    found: int = 0
    superseded: int = 0
    other_versions: int = 0
    already: int = 0
    consumed: int = 0
    fetched: int = 0
    adopted: int = 0
    waiting: int = 0
    failed: int = 0
    received: int = 0
    stored: int = 0
    missing_names: list[str] = msgspec.field(default_factory=list)
    failures: list[FailedProduct] = msgspec.field(default_factory=list)
    offline: list[WaitingProduct] = msgspec.field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything that matched is on disk and verified."""
        return self.exit_code == ExitCode.OK


class Reporter:
    """A listener that adds a run up.

    Attributes:
        report: The sums so far.
    """

    def __init__(self) -> None:
        self.report = Report()
        self._waiting: dict[str, WaitingProduct] = {}

    def __call__(self, event: Event) -> None:
        """Take one event in."""
        report = self.report
        match event:
            case ProductPlanned():
                self._planned(event)
            case ProductsPresent():
                report.found += event.count + event.consumed
                report.already += event.count
                report.consumed += event.consumed
            case ProductConsumed():
                report.consumed += 1
            case ProductSuperseded():
                report.superseded += 1
            case ProductCompleted():
                report.fetched += 1
                report.stored += event.size
            case TransferEnded():
                report.received += event.received
            case ProductAdopted():
                report.adopted += 1
            case ProductFailed():
                self._fail(
                    event.product.id, event.product.name, event.code, event.error, event.next_step
                )
            case ProductQuarantined():
                self._fail(
                    event.product.id,
                    event.product.name,
                    "checksum-wrong-twice",
                    f"the hub delivered the same wrong bytes twice: {event.computed} instead of "
                    f"{event.expected}; they are kept as {event.path}",
                    "it is left alone until the catalogue changes, or --renew is given",
                )
            case ProductWaiting():
                self._waiting[event.product.id] = WaitingProduct(
                    event.product.id, event.product.name, event.since
                )
            case ProductOnline():
                self._waiting.pop(event.product.id, None)

    def finish(
        self, error: S2FetchError | None, *, seconds: float, ended: ExitCode | None = None
    ) -> Report:
        """The report with its outcome.

        Args:
            error: What ended the run early, or None.
            seconds: How long it took.
            ended: Set when the run did not come to its end: interrupted, or a defect.
        """
        report = self.report
        report.seconds = round(seconds, 3)
        report.waiting = len(self._waiting)
        report.offline = list(self._waiting.values())[:MOST_LISTED]
        code = ExitCode.OK
        if error is not None:
            code = error.exit_code
            report.error = str(error)
        elif ended is not None:
            code = ended
        elif report.failed or report.missing_names:
            code = ExitCode.FAILED
        elif report.waiting:
            code = ExitCode.WAITING
        self.set_outcome(code)
        return report

    def set_outcome(self, code: ExitCode) -> None:
        """Set exit code and outcome, also from outside: interrupted, terminated."""
        self.report.exit_code = int(code)
        self.report.outcome = code.outcome

    def _planned(self, event: ProductPlanned) -> None:
        report = self.report
        report.found += 1
        if event.verdict == Verdict.RECORD:
            report.already += 1
        elif event.verdict == Verdict.QUARANTINED:
            self._fail(
                event.product.id,
                event.product.name,
                "quarantined",
                event.reason,
                "it is left alone until the catalogue changes, or --renew is given",
            )

    def _fail(self, product_id: str, name: str, code: str, error: str, next_step: str) -> None:
        self.report.failed += 1
        if len(self.report.failures) < MOST_LISTED:
            self.report.failures.append(FailedProduct(product_id, name, code, error, next_step))
