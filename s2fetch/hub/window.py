"""Windows of a listing, and what reading the first rows of one says of the rest of it.

Nothing here asks a hub; see `hub.windows` for that, and for how windows follow each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from s2fetch.clock import timestamp
from s2fetch.errors import CatalogueError
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.promise import Promise
from s2fetch.hub.rows import Page
from s2fetch.product import Product

RESOLUTION = timedelta(milliseconds=1)
"""Windows begin and end on whole milliseconds, as times are written in filters."""

OTHER_AXIS = {Axis.SENSING: Axis.PUBLICATION, Axis.PUBLICATION: Axis.SENSING}


class Window(msgspec.Struct, frozen=True):
    """A part of a listing.

    Attributes:
        axis: What it is ordered by.
        bounds: On that axis.
        other: On the other axis.
    """

    axis: Axis
    bounds: Bounds = Bounds()
    other: Bounds = Bounds()

    @classmethod
    def around(cls, axis: Axis, periods: Mapping[Axis, Bounds]) -> Window:
        """All of a listing that is ordered by one axis and restricted on either of them."""
        return cls(axis, periods[axis], periods[OTHER_AXIS[axis]])

    @property
    def limits(self) -> dict[Axis, Bounds]:
        """The bounds that restrict, by axis."""
        both = {self.axis: self.bounds, OTHER_AXIS[self.axis]: self.other}
        return {axis: bounds for axis, bounds in both.items() if bounds != Bounds()}

    def __str__(self) -> str:
        parts = [
            f"{axis} from {timestamp(bounds.start) or 'any'} to {timestamp(bounds.end) or 'any'}"
            for axis, bounds in self.limits.items()
        ]
        return ", ".join(parts) or "the whole listing"

    @property
    def is_instant(self) -> bool:
        """Whether the other axis is cut down to one instant already."""
        start, end = self.other.start, self.other.end
        return start is not None and end is not None and end - start <= RESOLUTION


class Reading:
    """What one pass over the first rows of a window has found.

    The end of the last row's instant in reading direction cuts the window in two: the part that is
    done, and the rest, which begins with this instant again as more of its rows may follow.

    Args:
        window: That is read.
        descending: Newest first.
        overlapping: Whether pages repeat the last row of the page before.

    Attributes:
        window: That is read.
        upcoming: The first page of the rest, when it is asked for already.
        steady: Whether every page began with the last row of the page before, where they overlap.
    """

    def __init__(self, window: Window, descending: bool, *, overlapping: bool = False) -> None:
        self.window = window
        self.upcoming: Promise | None = None
        self.steady = True
        self._overlapping = overlapping
        self._descending = descending
        self._times: dict[str, datetime | None] = {}
        self._last: Product | None = None

    def __len__(self) -> int:
        return len(self._times)

    def add(self, page: Page) -> None:
        """Note the rows of a page.

        Raises:
            CatalogueError: If they are not in order.
        """
        if self.window.axis is Axis.SENSING:
            times = [product.sensing_start for product in page.products]
        else:
            times = [product.published for product in page.products]
        known = [time for time in times if time is not None]
        if known != sorted(known, reverse=self._descending):
            raise CatalogueError(
                f"the hub lists products out of order ({self.window.axis}), so that a long "
                "listing cannot be read completely",
                advice="Run the same command again later; if this lasts, report it",
            )
        if self._overlapping and self._last is not None:
            repeated = page.products[0].id if page.products else ""
            self.steady = self.steady and repeated == self._last.id
        self._times.update(zip([product.id for product in page.products], times, strict=True))
        if page.products:
            self._last = page.products[-1]

    @property
    def rest(self) -> Window:
        """What follows; begins with the instant of the last row, unless nothing else was read."""
        bounds, instant = self.window.bounds, self._instant
        past = self._is_crowded
        if self._descending:
            cut = Bounds(bounds.start, instant if past else instant + RESOLUTION)
        else:
            cut = Bounds(instant + RESOLUTION if past else instant, bounds.end)
        return msgspec.structs.replace(self.window, bounds=cut)

    def unread_part(self, rows: int) -> Window | None:
        """What has to be read (again) before the rest, or None.

        Args:
            rows: How many rows the hub counts in the part that is done.

        Raises:
            CatalogueError: If more rows share both times than the hub lets anyone list.
        """
        complete = rows <= len(self) - len(self.ids_in_rest())
        if complete and (self.steady or self._is_crowded):
            return None
        bounds, instant = self.window.bounds, self._instant
        if self._is_crowded:
            if self.window.is_instant:
                raise CatalogueError(
                    f"more than {len(self)} products share the times of {self._last_name} "
                    f"({timestamp(instant)}), and the hub lets nobody list them all",
                    advice="Narrow the query: tile, area, product type",
                )
            start, end = instant, instant + RESOLUTION
            crowd = Bounds(max(start, bounds.start or start), min(end, bounds.end or end))
            return Window(OTHER_AXIS[self.window.axis], self.window.other, crowd)
        if self._descending:
            return msgspec.structs.replace(
                self.window, bounds=Bounds(instant + RESOLUTION, bounds.end)
            )
        return msgspec.structs.replace(self.window, bounds=Bounds(bounds.start, instant))

    def ids_in_rest(self) -> set[str]:
        """Rows that the rest will list again."""
        if self._is_crowded:
            return set()
        cut = self._instant + RESOLUTION if self._descending else self._instant
        return {
            product_id
            for product_id, time in self._times.items()
            if time is not None and (time < cut if self._descending else time >= cut)
        }

    @property
    def _is_crowded(self) -> bool:
        """Whether all rows share one instant, so that the rest would be the window again."""
        bounds, instant = self.window.bounds, self._instant
        if self._descending:
            return bounds.end is not None and instant + RESOLUTION >= bounds.end
        return bounds.start is not None and instant <= bounds.start

    @property
    def _instant(self) -> datetime:
        """The beginning of the last row's millisecond."""
        time = self._times[self._last.id] if self._last is not None else None
        if time is None:
            raise CatalogueError(
                f"the catalogue lists {self._last_name} without {self.window.axis}, so that a long "
                "listing cannot be read completely",
                advice="Give the query a period (from, to)",
            )
        return time.replace(microsecond=time.microsecond // 1000 * 1000)

    @property
    def _last_name(self) -> str:
        return self._last.name if self._last is not None else ""
