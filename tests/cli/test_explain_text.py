"""What an explanation says to people."""

from __future__ import annotations

import pytest

from s2fetch.archive.records import Record, Retrieval, RetrievalState, State
from s2fetch.cli.explain import explanation_text
from s2fetch.sync.conditions import Check
from s2fetch.sync.explain import Explanation

SINCE = "2024-06-01T10:20:30Z"


def test_the_condition_that_fails_stands_out() -> None:
    """Among those that hold, each with what was wanted."""
    checks = [Check("tile", "32TQM", True), Check("cloud", "0..20", False)]
    told = Explanation(asked="X", name="X", conditions=checks, matches=False, next_step="nothing")
    text = explanation_text(told)
    assert "\n\nConditions of the query:\n  holds  tile: 32TQM\n  FAILS  cloud: 0..20\n\n" in text
    assert "Query:       does not select it" in text
    assert text.endswith("\n\nNext: nothing.")


@pytest.mark.parametrize(
    ("asked", "said"),
    [(0, ""), (1, "; asked for once, answer: none"), (3, "; asked for 3 times, answer: none")],
)
def test_a_product_that_waits_says_how_often_it_was_asked_for(asked: int, said: str) -> None:
    """Not at all is nothing to say."""
    order = Retrieval(state=RetrievalState.WAITING, since=SINCE, asked=asked)
    told = Explanation(asked="X", record=Record(name="X", state=State.WAITING, retrieval=order))
    (line,) = (line for line in explanation_text(told).splitlines() if line.startswith("Record:"))
    assert line == (
        f"Record:      waiting; waits since 2024-06-01 10:20 UTC, retrieval waiting{said}"
    )
