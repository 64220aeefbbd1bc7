"""The numbers a benchmark comes to, and the table that shows them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import msgspec

COLUMNS = ("benchmark", "what", "s2fetch", "baseline", "ratio", "lowest..highest", "target", "")


class IncompleteError(Exception):
    """Something did not do its work, so that there is nothing to compare."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a benchmark.

    Attributes:
        what: What was measured, with what s2fetch is compared.
        ours: The number of s2fetch, with its unit.
        baseline: The number it is compared with.
        ratio: The one in terms of the other; the median when it was measured several times.
        spread: Every ratio that was measured.
        most: What the ratio is promised not to exceed.
        least: What the ratio is promised to reach.
    """

    what: str
    ours: str
    baseline: str
    ratio: float
    spread: tuple[float, ...] = ()
    most: float | None = None
    least: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a promise, and it is not kept."""
        above = self.most is not None and self.ratio > self.most
        below = self.least is not None and self.ratio < self.least
        return above or below

    @property
    def target(self) -> str:
        """The promise in words; empty for what is only told."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else ""

    @property
    def verdict(self) -> str:
        """Whether the promise is kept."""
        if not self.target:
            return ""
        return "MISSED" if self.missed else "ok"


def compared(
    what: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    unit: str,
    *,
    most: float | None = None,
    least: float | None = None,
) -> Figure:
    """The figure for something measured in pairs: medians, and the median of the pairs' ratios.

    Args:
        what: What was measured.
        ours: One number of s2fetch for each pair.
        baseline: The number it is compared with, pair by pair.
        unit: Of both.
        most: What the ratio is promised not to exceed.
        least: What the ratio is promised to reach.
    """
    ratios = tuple(one / other for one, other in zip(ours, baseline, strict=True))
    return Figure(
        what=what,
        ours=f"{statistics.median(ours):.4g} {unit}",
        baseline=f"{statistics.median(baseline):.4g} {unit}",
        ratio=statistics.median(ratios),
        spread=ratios,
        most=most,
        least=least,
    )


def table(figures: Iterable[tuple[str, Figure]]) -> str:
    """The figures, each with the name of its benchmark, as lines of text."""
    rows = [COLUMNS, *(_row(name, figure) for name, figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    spread = ""
    if len(figure.spread) > 1:
        spread = f"{min(figure.spread):.3f}..{max(figure.spread):.3f}"
    ratio = f"{figure.ratio:.3f}"
    cells = (figure.ours, figure.baseline, ratio, spread, figure.target, figure.verdict)
    return (name, figure.what, *cells)
