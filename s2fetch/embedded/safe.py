"""Makes small valid Sentinel-2 products: deterministic zips of stored entries.

The same `ProductSpec` gives the same bytes on every machine. Sizes go from some 20 kB to several
GB; image data is written piece by piece and never held in memory.
"""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from s2fetch.embedded.entry import NEVER_EVICTED, Attribute, Entry, hub_time
from s2fetch.embedded.folder import (
    digests,
    product_id,
    quicklook_id,
    read_sidecar,
    write_sidecar,
)
from s2fetch.embedded.quicklook import grey_jpeg
from s2fetch.embedded.safe_xml import SafeFile, manifest, metadata_files
from s2fetch.embedded.tiles import tile_wkt

_PIECE = 1 << 20
_JP2_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_ALL_BANDS = (*(f"B{number:02d}" for number in range(1, 13)), "B8A", "TCI")
_FEW_BANDS = ("B02", "B03", "B04", "TCI")
_FEW_BANDS_BELOW = 500_000
_ONE_BAND_BELOW = 40_000
_MEMBER_OVERHEAD = 750
_FIXED_OVERHEAD = 2_700
_FORMAT_VERSION = 1


class ProductSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a generated product is.

    Attributes:
        sensing: Start of the acquisition; aware.
        level: ``L1C`` or ``L2A``.
        unit: Platform unit: ``A``, ``B`` or ``C``.
        tile: MGRS tile without the leading T.
        relative_orbit: 1 to 143.
        baseline: Processing baseline, four digits.
        cloud_cover: Percent.
        size: About how many bytes the zip has; at least some 20 kB.
        processed: When it was generated; three hours after sensing by default.
        published: When it was listed; ninety minutes after processing by default.
        online: Whether it can be downloaded.
        evicted: When it leaves the hub; None if it stays.
        checksums: Whether the catalogue lists any.
        extra: More catalogue attributes.
    """

    sensing: datetime
    level: str = "L1C"
    unit: str = "B"
    tile: str = "32TQM"
    relative_orbit: int = 65
    baseline: str = "0510"
    cloud_cover: float = 12.5
    size: int = 60_000
    processed: datetime | None = None
    published: datetime | None = None
    online: bool = True
    evicted: datetime | None = None
    checksums: bool = True
    extra: tuple[Attribute, ...] = ()

    @property
    def made(self) -> datetime:
        """When the product was generated."""
        return self.processed or self.sensing + timedelta(hours=3)

    @property
    def name(self) -> str:
        """The product's name, ``S2B_MSIL1C_…SAFE``."""
        return (
            f"S2{self.unit}_MSI{self.level}_{self.sensing:%Y%m%dT%H%M%S}_N{self.baseline}"
            f"_R{self.relative_orbit:03d}_T{self.tile}_{self.made:%Y%m%dT%H%M%S}.SAFE"
        )

    @property
    def absolute_orbit(self) -> int:
        """A plausible absolute orbit number."""
        first = {"A": 20_000, "B": 11_000, "C": 500}.get(self.unit, 500)
        return first + int((self.sensing - datetime(2020, 1, 1, tzinfo=UTC)).days * 14.3)


def make_product(folder: Path, spec: ProductSpec) -> Entry:
    """Write ``<Name>.zip`` and its sidecar ``<Name>.json`` unless they are there already.

    Returns:
        What the catalogue lists for it.
    """
    target = folder / f"{spec.name}.zip"
    recipe = hashlib.sha256(msgspec.json.encode((_FORMAT_VERSION, spec))).hexdigest()
    known = read_sidecar(target)
    if known is not None and known.recipe == recipe:
        return known
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    _write_zip(unfinished, spec)
    unfinished.replace(target)
    entry = _listed(target, spec, recipe)
    write_sidecar(target, entry)
    return entry


def generate_products(
    folder: Path, count: int = 12, *, size: int = 2_000_000, offline: int = 0, seed: int = 7
) -> list[Entry]:
    """Fill a folder with varied Level-1C products of June 2024, as the demo does.

    Args:
        folder: Where to; created when missing.
        count: How many products.
        size: About how many bytes each has; they vary between 75 % and 125 % of it.
        offline: How many of them, from the second on, the catalogue lists as offline.
        seed: Other seeds give other products.
    """
    return [make_product(folder, spec) for spec in demo_specs(count, size, offline, seed)]


def demo_specs(count: int, size: int, offline: int, seed: int) -> list[ProductSpec]:
    """The specifications `generate_products` uses, in order of sensing."""
    choice = random.Random(seed)  # noqa: S311 - varied test data, no secret
    tiles = ("32TQM", "32TPM", "33TUL", "32UPU", "33UUP", "32TNS", "31TGL", "32TLS")
    orbits = (65, 22, 108, 122)
    first = datetime(2024, 6, 1, 10, 5, 59, 24_000, tzinfo=UTC)
    specs: list[ProductSpec] = []
    for index in range(count):
        spec = ProductSpec(
            sensing=first + timedelta(days=index * 29 // count, seconds=14 * index),
            unit="AB"[index % 2],
            tile=tiles[index % len(tiles)],
            relative_orbit=orbits[index % len(orbits)],
            cloud_cover=round(choice.uniform(0, 100), 2),
            size=int(size * choice.uniform(0.75, 1.25)),
            online=not 1 <= index <= offline,
        )
        specs.append(spec)
    return specs


def _write_zip(target: Path, spec: ProductSpec) -> None:
    files = metadata_files(spec)
    stem = spec.name.removesuffix(".SAFE")
    files.append(SafeFile(f"{stem}-ql.jpg", _quicklook(spec), "quicklook"))
    bands = _bands(spec.size)
    members = len(files) + len(bands) + 1
    texts = sum(len(file.content) for file in files)
    spent = texts + members * _MEMBER_OVERHEAD + _FIXED_OVERHEAD
    each = max(64, (spec.size - spent) // len(bands))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        _write(archive, spec, "", iter(()), 0)
        for folder in ("AUX_DATA/", "rep_info/", "HTML/", "GRANULE/", "DATASTRIP/"):
            _write(archive, spec, folder, iter(()), 0)
        listed = [_write_file(archive, spec, file) for file in files]
        for band in bands:
            path = _band_path(spec, band)
            digest = _write(archive, spec, path, _band_bytes(f"{spec.name}/{band}", each), each)
            listed.append((SafeFile(path, b"", f"IMG_DATA_Band_{band}_Tile1_Data"), each, digest))
        text = manifest(spec, listed)
        _write(archive, spec, "manifest.safe", iter((text,)), len(text))


def _write_file(
    archive: zipfile.ZipFile, spec: ProductSpec, file: SafeFile
) -> tuple[SafeFile, int, str]:
    size = len(file.content)
    return file, size, _write(archive, spec, file.path, iter((file.content,)), size)


def _write(
    archive: zipfile.ZipFile, spec: ProductSpec, path: str, pieces: Iterator[bytes], size: int
) -> str:
    made = spec.made
    stamp = (made.year, made.month, made.day, made.hour, made.minute, made.second)
    member = zipfile.ZipInfo(f"{spec.name}/{path}", date_time=stamp)
    member.create_system = 3
    member.external_attr = (0o40755 << 16 | 0x10) if not path or path.endswith("/") else 0o644 << 16
    member.file_size = size
    md5 = hashlib.md5(usedforsecurity=False)
    with archive.open(member, "w") as output:
        for piece in pieces:
            md5.update(piece)
            output.write(piece)
    return md5.hexdigest()


def _bands(size: int) -> Sequence[str]:
    """Which images a product of that size has room for."""
    if size < _ONE_BAND_BELOW:
        return _FEW_BANDS[:1]
    return _FEW_BANDS if size < _FEW_BANDS_BELOW else _ALL_BANDS


def _band_path(spec: ProductSpec, band: str) -> str:
    granule = f"{spec.level}_T{spec.tile}_A{spec.absolute_orbit:06d}_{spec.sensing:%Y%m%dT%H%M%S}"
    file = f"T{spec.tile}_{spec.sensing:%Y%m%dT%H%M%S}_{band}"
    if spec.level == "L1C":
        return f"GRANULE/{granule}/IMG_DATA/{file}.jp2"
    return f"GRANULE/{granule}/IMG_DATA/R20m/{file}_20m.jp2"


def _band_bytes(seed: str, size: int) -> Iterator[bytes]:
    """Bytes no zip could shrink, different in every piece, cheap enough for gigabytes."""
    noise = hashlib.shake_128(seed.encode()).digest(min(size, _PIECE))
    yield (_JP2_SIGNATURE + noise)[: min(size, _PIECE)]
    for number, start in enumerate(range(_PIECE, size, _PIECE)):
        piece = number.to_bytes(8, "big") + noise[8:]
        yield piece[: size - start]


def _quicklook(spec: ProductSpec) -> bytes:
    choice = random.Random(spec.name)  # noqa: S311 - a picture, no secret
    cloud = spec.cloud_cover / 100
    shades = [
        [choice.randint(200, 250) if choice.random() < cloud else choice.randint(40, 120)]
        for _ in range(64)
    ]
    rows = [[shades[y * 8 + x][0] for x in range(8)] for y in range(8)]
    return grey_jpeg(rows)


def _listed(target: Path, spec: ProductSpec, recipe: str) -> Entry:
    md5, blake = digests(target)
    published = spec.published or spec.made + timedelta(minutes=90)
    checked = published + timedelta(seconds=12, microseconds=400_917)
    level = spec.level.removeprefix("L")
    collection = "SENTINEL-2"
    return Entry(
        id=product_id(spec.name),
        name=spec.name,
        collection=collection,
        content_length=target.stat().st_size,
        sensing_start=hub_time(spec.sensing),
        sensing_end=hub_time(spec.sensing),
        origin_date=hub_time(published - timedelta(minutes=11)),
        publication_date=hub_time(published),
        modification_date=hub_time(checked + timedelta(seconds=1)),
        online=spec.online,
        eviction_date=hub_time(spec.evicted) if spec.evicted else NEVER_EVICTED,
        s3_path=f"/eodata/Sentinel-2/MSI/{spec.level}/{spec.sensing:%Y/%m/%d}/{spec.name}",
        md5=md5 if spec.checksums else "",
        blake3=blake if spec.checksums else "",
        checksum_date=hub_time(checked) if spec.checksums else "",
        footprint=tile_wkt(spec.tile),
        attributes=_attributes(spec, f"S2MSI{level}") + spec.extra,
        quicklook_id=quicklook_id(spec.name),
        recipe=recipe,
    )


def _attributes(spec: ProductSpec, kind: str) -> tuple[Attribute, ...]:
    sensing, baseline = hub_time(spec.sensing), f"{spec.baseline[:2]}.{spec.baseline[2:]}"
    group = f"GS2{spec.unit}_{spec.sensing:%Y%m%dT%H%M%S}_{spec.absolute_orbit:06d}_N{baseline}"
    return (
        Attribute("origin", "String", "ESA"),
        Attribute("tileId", "String", spec.tile),
        Attribute("cloudCover", "Double", spec.cloud_cover),
        Attribute("orbitNumber", "Integer", spec.absolute_orbit),
        Attribute("processingDate", "DateTimeOffset", hub_time(spec.made)),
        Attribute("productGroupId", "String", group),
        Attribute("operationalMode", "String", "INS-NOBS"),
        Attribute("processingLevel", "String", kind),
        Attribute("processorVersion", "String", baseline),
        Attribute("platformShortName", "String", "SENTINEL-2"),
        Attribute("instrumentShortName", "String", "MSI"),
        Attribute("relativeOrbitNumber", "Integer", spec.relative_orbit),
        Attribute("platformSerialIdentifier", "String", spec.unit),
        Attribute("productType", "String", kind),
        Attribute("beginningDateTime", "DateTimeOffset", sensing),
        Attribute("endingDateTime", "DateTimeOffset", sensing),
    )
