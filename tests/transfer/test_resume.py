"""Whether an answer continues the bytes that are there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.errors import BodyCutError, BodyTooLongError, ResumeError, S2FetchError
from s2fetch.hub.base import Validator
from s2fetch.hub.body import parse_content_range
from s2fetch.transfer.resume import MOST_REFUSALS, ExpectedLength, RangeMemory, position_of

BODY = bytes(range(256)) * 4
_positions = st.integers(0, len(BODY))
_validators = st.builds(
    Validator,
    etag=st.sampled_from(["", '"a"', '"b"', 'W/"a"']),
    last_modified=st.sampled_from(["", "Sat, 01 Jun 2024 10:05:59 GMT"]),
)


def ask(asked: int, status: int, start: int, total: int | None, **more: Any) -> int:
    known: dict[str, Any] = {
        "validator": Validator(),
        "kept_total": len(BODY),
        "kept_validator": Validator(),
    }
    return position_of(
        asked=asked, status=status, start=start, total=total, product="X.SAFE", **(known | more)
    )


@given(
    asked=_positions,
    ignores=st.booleans(),
    start=st.one_of(st.none(), _positions),
    total=st.one_of(st.none(), st.just(len(BODY)), st.integers(1, 2000)),
    kept_total=st.one_of(st.none(), st.just(len(BODY)), st.integers(1, 2000)),
    before=_validators,
    now=_validators,
)
def test_an_answer_is_appended_only_where_it_belongs(
    asked: int,
    ignores: bool,
    start: int | None,
    total: int | None,
    kept_total: int | None,
    before: Validator,
    now: Validator,
) -> None:
    """Bytes before the position and the answer's own are always the whole body."""
    first = 0 if ignores else (asked if start is None else start)
    try:
        position = ask(
            asked,
            200 if ignores else 206,
            first,
            total,
            kept_total=kept_total,
            kept_validator=before,
            validator=now,
        )
    except ResumeError:
        return
    assert BODY[:position] + BODY[first:] == BODY
    if position:
        assert not before.contradicts(now)
        assert None in (total, kept_total) or total == kept_total


def test_a_part_that_continues_ours_is_taken() -> None:
    """Same start, same length, same version."""
    tag = Validator('"a"')
    assert ask(100, 206, 100, len(BODY), validator=tag, kept_validator=tag) == 100
    assert ask(100, 206, 100, None, kept_total=None) == 100
    assert ask(0, 206, 0, 7, validator=Validator('"b"'), kept_validator=tag) == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param({"start": 99, "total": len(BODY)}, "got them from 99", id="too early"),
        pytest.param({"start": 101, "total": len(BODY)}, "got them from 101", id="too late"),
        pytest.param({"start": 100, "total": 7}, "has 7 now", id="another length"),
    ],
)
def test_a_part_that_does_not_continue_ours_is_refused(answer: dict[str, int], said: str) -> None:
    """The message says what was asked and what came."""
    with pytest.raises(ResumeError, match=said):
        ask(100, 206, **answer)


def test_another_version_is_refused() -> None:
    """Two versions of a product are never mixed."""
    with pytest.raises(ResumeError, match="has changed on the hub"):
        ask(100, 206, 100, len(BODY), validator=Validator('"b"'), kept_validator=Validator('"a"'))


@pytest.mark.parametrize(
    ("tag", "position"), [('"a"', 100), ("a", 100), ('W/"a"', None), ("", None)]
)
def test_a_strong_tag_decides_whatever_the_date(tag: str, position: int | None) -> None:
    """Servers behind one name have dated the same bytes differently (RFC 9110 8.8.1)."""
    before, now = (Validator(tag, f"Sat, 01 Jun 2024 10:05:{second} GMT") for second in (58, 59))
    if position is None:
        with pytest.raises(ResumeError, match="has changed on the hub"):
            ask(100, 206, 100, len(BODY), validator=now, kept_validator=before)
    else:
        assert ask(100, 206, 100, len(BODY), validator=now, kept_validator=before) == position


def test_a_whole_answer_begins_at_zero() -> None:
    """Whatever was asked for."""
    assert ask(100, 200, 0, len(BODY)) == 0
    assert ask(0, 200, 0, None) == 0


@given(first=st.integers(0, 10**17), more=st.integers(0, 10**6), rest=st.integers(1, 10**6))
def test_a_content_range_is_read_as_it_was_written(first: int, more: int, rest: int) -> None:
    """Every range RFC 9110 14.4 allows, with a total and without."""
    last, total = first + more, first + more + rest
    assert parse_content_range(f"bytes {first}-{last}/{total}") == (first, last, total)
    assert parse_content_range(f" bytes {first}-{last}/* ") == (first, last, None)


@pytest.mark.parametrize(
    "value",
    [
        *("", "bytes", "bytes 0-1", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2"),
        *("bytes -1-1/2", "bytes 0-1/2,bytes 3-4/5", "bytes 0x0-1/2", f"bytes 0-{'9' * 30}/*"),
    ],
)
def test_a_content_range_that_makes_no_sense_is_refused(value: str) -> None:
    """It is never guessed at."""
    with pytest.raises(ValueError, match="Content-Range"):
        parse_content_range(value)


def test_a_host_that_refuses_ranges_is_not_asked_again_and_again() -> None:
    """One refusal may be the product's; several in a row are the host's."""
    memory = RangeMemory()
    for _ in range(MOST_REFUSALS):
        assert memory.worth_asking
        memory.refused()
    assert not memory.worth_asking


def test_an_honoured_range_wipes_the_slate() -> None:
    """Single refusals among successes never add up."""
    memory = RangeMemory()
    for _ in range(10):
        memory.refused()
        memory.honoured()
    assert memory.worth_asking


def length(announced: int | None, listed: int | None, *, digest: bool = True) -> ExpectedLength:
    return ExpectedLength(announced, listed, has_digest=digest, product="X.SAFE")


@pytest.mark.parametrize(
    ("announced", "listed", "total"), [(10, 10, 10), (None, 10, 10), (10, None, 10), (12, 10, 12)]
)
def test_the_announced_length_counts_when_a_digest_decides_in_the_end(
    announced: int | None, listed: int | None, total: int
) -> None:
    """Without an announcement the listed one does."""
    expected = length(announced, listed)
    assert expected.total == total
    expected.check_not_longer(total)
    expected.check_whole(total)
    with pytest.raises(BodyTooLongError):
        expected.check_not_longer(total + 1)
    with pytest.raises(BodyCutError):
        expected.check_whole(total - 1)


@pytest.mark.parametrize(("announced", "kind"), [(12, BodyTooLongError), (8, BodyCutError)])
def test_lengths_that_differ_are_refused_when_nothing_else_can_decide(
    announced: int, kind: type[S2FetchError]
) -> None:
    """Without a digest the listed length is all the proof there is."""
    with pytest.raises(kind, match="announces"):
        length(announced, 10, digest=False)


def test_any_length_is_right_when_nobody_says_one() -> None:
    """A body of unknown length ends where it ends."""
    expected = length(None, None, digest=False)
    expected.check_not_longer(10**12)
    expected.check_whole(0)
