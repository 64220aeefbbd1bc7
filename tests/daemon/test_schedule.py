"""When runs are due."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.daemon.schedule import Schedule, load_zone, parse_schedule
from s2fetch.errors import UsageError

ROME = ZoneInfo("Europe/Rome")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(schedule: Schedule, start: datetime, count: int) -> list[datetime]:
    """The next so many due moments."""
    moments = []
    for _ in range(count):
        start = schedule.next_after(start)
        moments.append(start)
    return moments


def test_an_interval_is_a_grid_that_no_restart_moves() -> None:
    """The start of the process plays no part."""
    schedule = parse_schedule("6h")
    assert schedule.next_after(at("2026-03-01T05:59:59")) == at("2026-03-01T06:00")
    assert schedule.next_after(at("2026-03-01T06:00")) == at("2026-03-01T12:00")
    assert schedule.next_after(at("2026-03-01T06:00:00.000001")) == at("2026-03-01T12:00")


def test_a_cron_expression_is_meant_in_its_time_zone() -> None:
    """Half past four in Rome is half past three UTC in winter and half past two in summer."""
    schedule = parse_schedule("30 4 * * *", "Europe/Rome")
    assert schedule.next_after(at("2026-01-10T00:00")) == at("2026-01-10T03:30")
    assert schedule.next_after(at("2026-07-10T00:00")) == at("2026-07-10T02:30")
    assert parse_schedule("30 4 * * *").next_after(at("2026-07-10T00:00")) == at("2026-07-10T04:30")


def test_what_falls_into_the_hour_that_does_not_exist_is_due_at_its_end() -> None:
    """Clocks in Rome go from 2 to 3 on 29 March 2026; the day must not go without a run."""
    schedule = parse_schedule("30 2 * * *", "Europe/Rome")
    found = [m.astimezone(ROME).isoformat() for m in due(schedule, at("2026-03-28T12:00"), 2)]
    assert found == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


def test_what_falls_into_the_hour_that_comes_twice_is_due_once() -> None:
    """Clocks in Rome go from 3 back to 2 on 25 October 2026."""
    schedule = parse_schedule("30 2 * * *", "Europe/Rome")
    found = [m.astimezone(ROME).isoformat() for m in due(schedule, at("2026-10-24T12:00"), 2)]
    assert found == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


@pytest.mark.parametrize("text", ["*/30 * * * *", "@hourly"])
def test_what_is_due_every_hour_leaves_no_gap_when_clocks_go_back(text: str) -> None:
    """Otherwise an hour would pass without any run."""
    schedule = parse_schedule(text, "Europe/Rome")
    moments = due(schedule, at("2026-10-24T22:10"), 12)
    assert {later - earlier for earlier, later in pairwise(moments)} == {
        timedelta(minutes=30) if "*" in text else timedelta(hours=1)
    }


@given(
    moment=st.integers(0, 90 * 365 * 86400 * 10**6).map(
        lambda n: at("2000-01-01T00:00") + timedelta(microseconds=n)
    ),
    text=st.sampled_from(
        ["6h", "90s", "7d", "30 2 * * *", "15 */2 * * 1-5", "0 0 29 2 *", "@weekly"]
    ),
    zone=st.sampled_from(["UTC", "Europe/Rome", "Australia/Lord_Howe", "America/St_Johns"]),
    archive=st.text(max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_the_next_moment_is_always_later_and_nothing_lies_between(
    moment: datetime, text: str, zone: str, archive: str
) -> None:
    """Asking a moment before it gives the same one; asking at it gives another."""
    schedule = parse_schedule(text, zone).shifted(archive)
    found = schedule.next_after(moment)
    assert found > moment
    assert found.tzinfo is UTC
    halfway = moment + (found - moment) / 2
    assert schedule.next_after(halfway) == found
    assert schedule.next_after(found - timedelta(microseconds=1)) == found
    assert schedule.next_after(found) > found


def test_each_archive_has_its_own_delay_the_same_at_every_start() -> None:
    """Twenty archives with one schedule begin at twenty times, none at the full hour."""
    daily = parse_schedule("0 4 * * *")
    names = [f"archive-{n}" for n in range(20)]
    starts = [daily.shifted(name, 900).next_after(at("2026-03-01T00:00")) for name in names]
    again = [daily.shifted(name, 900).next_after(at("2026-03-01T00:00")) for name in names]
    assert starts == again
    assert len(set(starts)) > 15
    full_hour = at("2026-03-01T04:00")
    assert all(full_hour < start <= full_hour + timedelta(minutes=15) for start in starts)


def test_the_usual_jitter_is_a_quarter_of_a_short_interval() -> None:
    """A long one has a quarter of an hour at most."""
    names = [str(n) for n in range(200)]
    short = [parse_schedule("10 min").shifted(name).shift_seconds for name in names]
    assert max(short) <= 150
    assert 0 < min(short) < 30
    assert 600 < max(parse_schedule("1d").shifted(name).shift_seconds for name in names) <= 900


def test_no_jitter_is_the_full_hour() -> None:
    """Whoever asks for it gets it."""
    schedule = parse_schedule("6h").shifted("any", 0)
    assert schedule.next_after(at("2026-03-01T01:00")) == at("2026-03-01T06:00")


def test_a_jitter_longer_than_the_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a jitter of 2 h 00 min is longer than the interval of"):
        parse_schedule("1h").shifted("any", 7200)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("", "is not a schedule: write an interval, for example 6h, or a cron expression"),
        ("soon", "is not a schedule"),
        ("* * * *", "is not a schedule"),
        ("* * * * * *", "is not a schedule"),
        (["6h"], "is not a schedule"),
        ("10s", "is not enough for a run"),
        (0, "is not enough for a run"),
        ("60 * * * *", "is not a cron expression: .*out of range"),
        ("a b c d e", "is not a cron expression"),
        ("*/0 * * * *", "is not a cron expression"),
        ("0 0 31 2 *", "never comes"),
        ("H 4 * * *", "leaves a field to chance"),
        ("R(0-10) 4 * * *", "leaves a field to chance"),
        ("0 3-3 * * *", "has a range of one, 3-3: write 3"),
        ("0 3 * * 1-3,sat-SAT", "has a range of one, sat-SAT: write sat"),
        ("@reboot", "is not one of @hourly, @daily"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_sentence(raw: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_schedule(raw)


def test_a_thursday_in_march_is_left_to_no_chance() -> None:
    """Its letters are those of croniter's own inventions."""
    assert parse_schedule("0 4 * MAR THU").next_after(at("2026-01-01T00:00")) == at(
        "2026-03-05T04:00"
    )


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "Europe", "\0"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone this machine knows"):
        load_zone(name)
    with pytest.raises(ValueError, match="is no time zone this machine knows"):
        parse_schedule("30 4 * * *", name)


def test_without_croniter_an_expression_names_the_extra_and_an_interval_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "croniter", None)
    assert parse_schedule("6h").every_seconds == 21600
    with pytest.raises(UsageError, match=r"s2fetch\[daemon\]"):
        parse_schedule("30 4 * * *")
