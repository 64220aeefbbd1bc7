"""Sets of row numbers as sorted, disjoint, half-open runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Spans = tuple[tuple[int, int], ...]
"""Sorted, disjoint, half-open runs."""


class Runs(Sequence[int]):
    """The numbers of some spans, in order, without a list of them."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._length = sum(stop - start for start, stop in spans)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> int:  # type: ignore[override]  # no slices needed
        for start, stop in self._spans:
            if place < stop - start:
                return start + place
            place -= stop - start
        raise IndexError

    def __iter__(self) -> Iterator[int]:
        for start, stop in self._spans:
            yield from range(start, stop)


def intersection(left: Spans, right: Spans) -> Spans:
    """What is in both."""
    found: list[tuple[int, int]] = []
    one = other = 0
    while one < len(left) and other < len(right):
        start = max(left[one][0], right[other][0])
        stop = min(left[one][1], right[other][1])
        if start < stop:
            found.append((start, stop))
        if left[one][1] < right[other][1]:
            one += 1
        else:
            other += 1
    return tuple(found)


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """What is in any."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return tuple(found)


def complement(spans: Spans, count: int) -> Spans:
    """What of ``0 … count - 1`` is in none."""
    edges = [0, *(edge for span in spans for edge in span), count]
    runs = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start, stop) for start, stop in runs if start < stop)
