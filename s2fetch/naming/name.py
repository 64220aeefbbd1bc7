"""A product's name, understood."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

TOLERANCE = timedelta(seconds=5)
"""How much a version may lack at either end of another's time and cover it still, because each
processing cuts anew; at most a tenth of that time."""

STREAMS = {
    "SENTINEL-3": ("NR", "ST", "NT", "SN", "NN", "AL", "O", "F", "D", "R"),
    "SENTINEL-5P": ("NRTI", "OFFL", "RPRO", "TEST", "PAL"),
    "SENTINEL-6": ("NR", "ST", "NT"),
    "SMOS": ("OPER", "REPR", "REPB"),
}
"""Processing streams: timeliness, and for Sentinel-3 also the platform that processed: operational,
reference, development, reprocessing. Those of Sentinel-2 are the baselines (``N0510``), those of
SMOS the classes of files."""

COLLECTIONS = {
    "S1": "SENTINEL-1",
    "S2": "SENTINEL-2",
    "S3": "SENTINEL-3",
    "S5": "SENTINEL-5P",
    "S6": "SENTINEL-6",
    "SM": "SMOS",
}
"""By the beginning of a name."""

Acquisition = tuple[str, ...]


class ProductName(msgspec.Struct, frozen=True, kw_only=True):
    """A product's name, understood. Empty and None where names of this kind do not say.

    Attributes:
        stem: The name without extension.
        extension: As the catalogue lists it: ``.SAFE``, ``.SEN3``, ``.nc``, ``.SEN6``, ``.EOF`` or
            empty. The one that was given, if it is one of the family's.
        collection: Catalogue collection, e.g. ``SENTINEL-5P``.
        product_type: As the ``productType`` attribute has it, e.g. ``S2MSI1C``, ``L2__NO2___``.
        platform: ``S1A``, ``S5P``; without unit where the product is of all: ``S3``.
        sensing_start: First moment (for auxiliary data: of validity), aware.
        sensing_end: Last moment; None where the name has only the first.
        created: When it was processed; None where the name does not tell.
        streams: Processing streams it belongs to, see `STREAMS`.
        baseline: Processing baseline, ``05.10`` for Sentinel-2; the collection for Sentinel-5P.
        orbit: Absolute orbit.
        relative_orbit: Relative orbit, from 1.
        cycle: Repeat cycle.
        tile: MGRS tile without the leading T.
        acquisition: What all versions of one acquisition share; see the package.
        version: Sorts the versions of one acquisition, the one processed last at the end; empty
            where names do not tell.
    """

    stem: str
    extension: str
    collection: str
    product_type: str
    platform: str
    sensing_start: datetime
    sensing_end: datetime | None
    created: datetime | None
    streams: tuple[str, ...] = ()
    baseline: str = ""
    orbit: int | None = None
    relative_orbit: int | None = None
    cycle: int | None = None
    tile: str = ""
    acquisition: Acquisition
    version: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """The name as the catalogue lists it."""
        return self.stem + self.extension

    def covers(self, other: ProductName) -> bool:
        """Whether the time of the other lies within the time of this one, within `TOLERANCE`."""
        end, others_end = (name.sensing_end or name.sensing_start for name in (self, other))
        slack = min(TOLERANCE, (others_end - other.sensing_start) / 10)
        return self.sensing_start <= other.sensing_start + slack and end >= others_end - slack
