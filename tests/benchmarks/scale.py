"""How big the benchmarks are."""

from __future__ import annotations

from enum import StrEnum


class Scale(StrEnum):
    """One of three sizes, the same for all benchmarks."""

    FULL = "full"
    """The sizes the promises are made for."""
    QUICK = "quick"
    """Smaller, to see within a minute whether something has gone wrong."""
    TINY = "tiny"
    """Only good for showing that a benchmark works."""
