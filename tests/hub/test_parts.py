"""Cutting queries that are too long to be asked at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.hub.parts import batches, halves
from s2fetch.query import Condition, Operator, Query

FIELDS = ("tiles", "relative_orbits")
ORBITS = st.lists(st.integers(1, 143), max_size=5)


@given(
    tiles=st.lists(st.sampled_from(["32TQM", "32TPM", "33TUL", "31UFQ"]), max_size=5),
    orbits=ORBITS,
    numbers=ORBITS,
)
def test_halves_ask_for_everything_once(
    tiles: list[str], orbits: list[int], numbers: list[int]
) -> None:
    """One list is cut in two that have nothing in common; the others stay."""
    condition = Condition("orbitNumber", Operator.EQ, tuple(numbers))
    query = Query(tiles=tuple(tiles), relative_orbits=tuple(orbits), conditions=(condition,))
    cut = halves(query, FIELDS)
    lists: list[Sequence[object]] = [tiles, orbits, numbers]
    if all(len(set(values)) < 2 for values in lists):
        assert cut is None
        return
    assert cut is not None
    held: list[list[Any]] = [[h.tiles, h.relative_orbits, h.conditions[0].values] for h in cut]
    (changed,) = [n for n, values in enumerate(lists) if held[0][n] != tuple(values)]
    for number, values in enumerate(lists):
        if number == changed:
            first, second = (set(one[number]) for one in held)
            assert first
            assert second
            assert not first & second
            assert first | second == set(values)
        else:
            assert [one[number] for one in held] == [tuple(values)] * 2


@pytest.mark.parametrize("operator", [Operator.GE, Operator.NE])
def test_only_alternatives_are_cut(operator: Operator) -> None:
    """Of a comparison, either half would be another condition."""
    assert halves(Query(conditions=(Condition("orbitNumber", operator, (1, 2)),)), FIELDS) is None
    assert halves(Query(platforms=("A", "B")), FIELDS) is None


@given(items=st.lists(st.integers()), size=st.integers(1, 9))
def test_batches_hold_everything_in_order(items: list[int], size: int) -> None:
    """None is empty or too large."""
    found = list(batches(items, size))
    assert list(chain.from_iterable(found)) == items
    assert all(1 <= len(batch) <= size for batch in found)
