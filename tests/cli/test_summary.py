"""The end of a run, for people."""

from __future__ import annotations

from s2fetch.cli.summary import MOST_LISTED, summary_text
from s2fetch.errors import ExitCode
from s2fetch.sync.report import FailedProduct, Report, WaitingProduct


def test_a_complete_archive_says_that_nothing_had_to_be_fetched() -> None:
    """In one line."""
    report = Report(found=12, already=12, seconds=0.2)
    assert summary_text(report) == (
        "12 products match: everything was already on disk and verified, nothing to fetch (0.2 s)."
    )


def test_the_line_has_what_was_fetched_and_how_fast() -> None:
    """Zeros are left out."""
    report = Report(found=3, already=1, fetched=2, received=20_000_000, seconds=10.0)
    assert summary_text(report) == (
        "3 products match: 1 already on disk, 2 fetched; 20.0 MB received in 10 s (2.00 MB/s)."
    )


def test_the_line_has_all_that_became_of_what_was_found() -> None:
    """In the order of how well it went."""
    report = Report(
        found=12, already=1, consumed=2, fetched=3, adopted=4, waiting=1, failed=2, seconds=10.0
    )
    report.missing_names = ["C.SAFE"]
    assert summary_text(report).splitlines()[-1] == (
        "12 products match: 1 already on disk, 2 consumed, 3 fetched, "
        "4 found on disk and verified, 1 waiting, 2 failed, 1 unknown (10 s)."
    )


def test_failures_have_their_reason_and_what_happens_next() -> None:
    """The name once, then the reason, then the next step."""
    failed = FailedProduct(
        "1", "A.SAFE", "body-cut", "A.SAFE: it ended early", "the next run tries"
    )
    report = Report(exit_code=7, found=1, failed=1, failures=[failed], seconds=1)
    assert summary_text(report).splitlines()[:2] == [
        "Failed (1):",
        "  A.SAFE: it ended early. Next: the next run tries.",
    ]


def test_waiting_products_say_since_when() -> None:
    """And that a later run fetches them."""
    waiting = WaitingProduct("1", "B.SAFE", "2024-06-01T10:20:30Z")
    report = Report(exit_code=8, found=1, waiting=1, offline=[waiting])
    assert "  B.SAFE: waiting since 2024-06-01 10:20 UTC" in summary_text(report).splitlines()


def test_long_lists_are_cut_and_say_so() -> None:
    """The report in JSON has more."""
    failures = [FailedProduct(str(n), f"P{n}", "x", "y", "z") for n in range(MOST_LISTED + 5)]
    report = Report(exit_code=7, found=99, failed=99, failures=failures)
    assert f"  … and {99 - MOST_LISTED} more" in summary_text(report)


def test_an_interrupted_run_says_how_to_go_on() -> None:
    """Nothing is lost, and the same command resumes."""
    code = ExitCode.INTERRUPTED
    text = summary_text(Report(exit_code=code, outcome="interrupted", found=2))
    assert "Interrupted. Partial downloads are kept; run the same command again" in text


def test_names_that_do_not_exist_are_named() -> None:
    """They count as unknown."""
    text = summary_text(Report(exit_code=7, missing_names=["C.SAFE"]))
    assert "Not in the catalogue (1):\n  C.SAFE" in text
    assert "1 unknown" in text
