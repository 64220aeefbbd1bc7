"""An audit for people and for spreadsheets."""

from __future__ import annotations

import csv

from s2fetch.cli.audit_text import MOST_GAPS, MOST_ROWS, AuditCsv, audit_text
from s2fetch.errors import ExitCode
from s2fetch.sync.audit import AuditReport, Coverage, Gap, Reason


def report() -> AuditReport:
    """More gaps and days than are shown."""
    gaps = [
        Gap(reason=Reason.FAILED, id=str(n), name=f"P{n}", day="2024-06-01", tile="32TQM")
        for n in range(MOST_GAPS + 2)
    ]
    days = [
        Coverage(key=f"D{n:02}", listed=3, complete=3 if n else 0, waiting=0, missing=0 if n else 3)
        for n in range(MOST_ROWS + 1)
    ]
    return AuditReport(
        exit_code=ExitCode.FAILED,
        archive="/data/a",
        query="all",
        listed=40,
        complete=15,
        reasons={"failed": MOST_GAPS + 2, "waiting": 3},
        gaps=gaps,
        days=days,
        tiles=[Coverage(key="32TQM", listed=40, complete=15, waiting=3, missing=22)],
    )


def test_people_get_the_sums_and_the_first_gaps_with_how_many_more_there_are() -> None:
    """Of many days, those where something is missing."""
    lines = audit_text(report()).splitlines()
    assert lines[:4] == [
        "Archive:      /data/a",
        "Query:        all",
        "Listed:       40 products, 0 B",
        "Complete:     15 products, 0 B (37.50%)",
    ]
    assert "D00                 3         0        0        3" in lines
    assert f"{MOST_ROWS} others between D00 and D{MOST_ROWS} are complete" in lines
    assert "32TQM              40        15        3       22" in lines
    assert f"  P{MOST_GAPS - 1}: failed" in lines
    assert f"  P{MOST_GAPS}: failed" not in lines
    assert "  … and 5 more" in lines
    assert lines[-1] == "The archive is not complete."


def test_a_spreadsheet_gets_all_gaps_days_and_tiles_and_the_sum() -> None:
    """What is missing is neither complete nor waited for."""
    written: list[str] = []
    rows = AuditCsv(written.append)
    whole = report()
    for gap in whole.gaps:
        rows.gap(gap)
    rows.finish(whole)
    head, *found = csv.reader("\n".join(written).splitlines())
    assert {len(row) for row in found} == {len(head)}
    assert [row[4] for row in found if row[0] == "gap"] == [gap.name for gap in whole.gaps]
    assert len([row for row in found if row[0] == "day"]) == MOST_ROWS + 1
    numbers = {row[0]: row[-4:] for row in found}
    assert numbers["tile"] == ["40", "15", "3", "22"]
    assert numbers["all"] == ["40", "15", "3", "22"]
