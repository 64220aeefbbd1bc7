"""The end of a run, for people: what failed and why, what waits, and one line for all of it."""

from __future__ import annotations

from s2fetch.cli.listing import about_versions
from s2fetch.cli.text import counted, printable, sentence, time_shown
from s2fetch.errors import ExitCode
from s2fetch.sync.report import FailedProduct, Report, WaitingProduct
from s2fetch.units import format_duration, format_rate, format_size

MOST_LISTED = 50
"""Products listed by name in each list on a terminal; the report has more of them."""


def summary_text(report: Report, not_listed: str = "not in the catalogue") -> str:
    """Lists of failed, unknown and waiting products, where there are any, then the summary line.

    Args:
        report: Of the run.
        not_listed: What is to be said of names that the hub did not list, see `listing.not_listed`.
    """
    parts = [
        *_failed(report),
        *_missing(report, not_listed),
        *_waiting(report),
        *(f"{said}." for said in about_versions(report.superseded, report.other_versions)),
    ]
    if report.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        parts.append(
            f"{report.outcome.capitalize()}. Partial downloads are kept; "
            "run the same command again to go on."
        )
    return "\n".join([*parts, summary_line(report)])


def summary_line(report: Report) -> str:
    """One line: what matched, where it is now, what came over the network, how long it took."""
    took = format_duration(report.seconds)
    if report.found and report.already == report.found:
        return (
            f"{_matched(report.found)}: everything was already on disk and verified, "
            f"nothing to fetch ({took})."
        )
    parts = [
        f"{report.already:,} already on disk" if report.already else "",
        f"{report.consumed:,} consumed" if report.consumed else "",
        f"{report.fetched:,} fetched" if report.fetched else "",
        f"{report.adopted:,} found on disk and verified" if report.adopted else "",
        f"{report.waiting:,} waiting" if report.waiting else "",
        f"{report.failed:,} failed" if report.failed else "",
        f"{report.missing_names and len(report.missing_names):,} unknown"
        if report.missing_names
        else "",
    ]
    told = ", ".join(part for part in parts if part)
    line = _matched(report.found) + (f": {told}" if told else "")
    if report.received:
        line += f"; {format_size(report.received)} received in {took}"
        if report.seconds > 0:
            line += f" ({format_rate(report.received / report.seconds)})"
        return f"{line}."
    return f"{line} ({took})."


def _matched(found: int) -> str:
    return f"{counted(found, 'product')} {'matches' if found == 1 else 'match'}"


def _failed(report: Report) -> list[str]:
    return _list(
        f"Failed ({report.failed:,}):",
        [_failure(product) for product in report.failures],
        report.failed,
    )


def _failure(product: FailedProduct) -> str:
    reason = product.error.removeprefix(f"{product.name}: ")
    return f"{printable(product.name)}: {sentence(reason)} Next: {sentence(product.next_step)}"


def _missing(report: Report, what: str) -> list[str]:
    names = [printable(name) for name in report.missing_names]
    heading = f"{what[0].upper()}{what[1:]} ({len(names):,}):"
    return _list(heading, names, len(names))


def _waiting(report: Report) -> list[str]:
    return _list(
        f"Offline, to be fetched by a later run ({report.waiting:,}):",
        [_wait(product) for product in report.offline],
        report.waiting,
    )


def _wait(product: WaitingProduct) -> str:
    return f"{printable(product.name)}: waiting since {time_shown(product.since)}"


def _list(heading: str, items: list[str], count: int) -> list[str]:
    if not count:
        return []
    shown = [f"  {item}" for item in items[:MOST_LISTED]]
    if count > len(shown):
        shown.append(f"  … and {count - len(shown):,} more")
    return [heading, *shown]
