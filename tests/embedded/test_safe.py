"""Generated products are valid, deterministic and truthfully described."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import blake3
import pytest

from s2fetch.embedded.entry import NEVER_EVICTED, Attribute
from s2fetch.embedded.folder import FolderCatalogue, described, sidecar_of
from s2fetch.embedded.quicklook import grey_jpeg
from s2fetch.embedded.safe import ProductSpec, generate_products, make_product
from s2fetch.embedded.tiles import tile_ring

SENSING = datetime(2024, 7, 15, 10, 15, 59, 24_000, tzinfo=UTC)
SPEC = ProductSpec(sensing=SENSING)
L2A = ProductSpec(sensing=SENSING, level="L2A", unit="A", size=700_000, evicted=SENSING)


def zip_of(folder: Path, spec: ProductSpec) -> Path:
    return folder / f"{spec.name}.zip"


@pytest.mark.parametrize("spec", [SPEC, L2A], ids=["L1C", "L2A"])
def test_a_product_is_a_sound_zip_of_stored_members(tmp_path: Path, spec: ProductSpec) -> None:
    """One top directory, nothing compressed, every CRC right."""
    make_product(tmp_path, spec)
    with zipfile.ZipFile(zip_of(tmp_path, spec)) as archive:
        assert archive.testzip() is None
        members = archive.infolist()
        assert {member.filename.split("/")[0] for member in members} == {spec.name}
        assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
        names = {member.filename.removeprefix(f"{spec.name}/") for member in members}
    folders = {"GRANULE/", "DATASTRIP/", "HTML/", "rep_info/", "AUX_DATA/"}
    assert folders | {"manifest.safe", f"MTD_MSI{spec.level}.xml", "INSPIRE.xml"} <= names


@pytest.mark.parametrize("spec", [SPEC, L2A], ids=["L1C", "L2A"])
def test_the_manifest_lists_every_file_with_its_size_and_md5(
    tmp_path: Path, spec: ProductSpec
) -> None:
    """What the manifest says holds for the bytes in the zip, and nothing is left out."""
    make_product(tmp_path, spec)
    with zipfile.ZipFile(zip_of(tmp_path, spec)) as archive:
        root = ET.fromstring(archive.read(f"{spec.name}/manifest.safe"))
        listed = set()
        for stream in root.iter("byteStream"):
            location, checksum = stream.find("fileLocation"), stream.find("checksum")
            assert location is not None
            assert checksum is not None
            name = f"{spec.name}/{location.attrib['href'].removeprefix('./')}"
            data = archive.read(name)
            assert stream.attrib["size"] == str(len(data))
            assert checksum.attrib["checksumName"] == "MD5"
            assert checksum.text == hashlib.md5(data).hexdigest()
            listed.add(name)
        files = {one.filename for one in archive.infolist() if not one.is_dir()}
    assert files - listed == {f"{spec.name}/manifest.safe"}
    ids = [one.attrib["ID"] for one in root.iter("dataObject")]
    assert len(ids) == len(set(ids)) == len(listed)


def test_metadata_files_are_well_formed(tmp_path: Path) -> None:
    """Every XML file parses and the product's metadata name it."""
    make_product(tmp_path, SPEC)
    with zipfile.ZipFile(zip_of(tmp_path, SPEC)) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".xsl", ".xsd", ".html")):
                ET.fromstring(archive.read(name))
        product = ET.fromstring(archive.read(f"{SPEC.name}/MTD_MSIL1C.xml"))
    uri = product.find(".//PRODUCT_URI")
    assert uri is not None
    assert uri.text == SPEC.name


def test_the_same_specification_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two folders, one digest; another specification, another digest."""
    one = make_product(tmp_path / "a", SPEC)
    other = make_product(tmp_path / "b", SPEC)
    cloudy = make_product(tmp_path / "c", ProductSpec(sensing=SENSING, cloud_cover=99))
    assert one == other
    assert one.md5 != cloudy.md5


def test_names_are_those_of_real_products() -> None:
    """Unit, level, sensing, baseline, orbit, tile and processing time."""
    spec = ProductSpec(sensing=SENSING, processed=SENSING + timedelta(hours=3))
    assert spec.name == "S2B_MSIL1C_20240715T101559_N0510_R065_T32TQM_20240715T131559.SAFE"


@pytest.mark.parametrize("size", [25_000, 100_000, 3_000_000, 20_000_000])
def test_the_size_is_about_what_was_asked_for(tmp_path: Path, size: int) -> None:
    """Within ten per cent, from small to large."""
    entry = make_product(tmp_path, ProductSpec(sensing=SENSING, size=size))
    assert entry.content_length == pytest.approx(size, rel=0.1)


def test_the_description_tells_the_truth(tmp_path: Path) -> None:
    """Size, MD5, BLAKE3 and attributes of the sidecar are those of the product."""
    extra = Attribute("orbitDirection", "String", "DESCENDING")
    spec = ProductSpec(sensing=SENSING, online=False, extra=(extra,))
    entry = make_product(tmp_path, spec)
    data = zip_of(tmp_path, spec).read_bytes()
    assert (entry.content_length, entry.md5) == (len(data), hashlib.md5(data).hexdigest())
    assert entry.blake3 == blake3.blake3(data).hexdigest()
    values = {one.name: one.value for one in entry.attributes}
    assert values["productType"] == "S2MSI1C"
    assert values["tileId"] == "32TQM"
    assert values["orbitDirection"] == "DESCENDING"
    assert entry.online is False
    assert entry.eviction_date == NEVER_EVICTED
    assert described(zip_of(tmp_path, spec)) == entry
    assert make_product(tmp_path, L2A).eviction_date == "2024-07-15T10:15:59.024000Z"


def test_products_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    """A second call leaves the files alone; a damaged description is made anew."""
    first = make_product(tmp_path, SPEC)
    target = zip_of(tmp_path, SPEC)
    stamp = target.stat().st_mtime_ns
    assert make_product(tmp_path, SPEC) == first
    assert target.stat().st_mtime_ns == stamp
    sidecar_of(target).write_bytes(b"{")
    assert make_product(tmp_path, SPEC) == first


def test_the_demo_gets_varied_products(tmp_path: Path) -> None:
    """A dozen of June 2024, with different tiles and clouds, some offline, all with own names."""
    entries = generate_products(tmp_path, 12, size=30_000, offline=2)
    assert len({entry.name for entry in entries}) == len({entry.id for entry in entries}) == 12
    assert all(entry.sensing_start.startswith("2024-06-") for entry in entries)
    assert [entry.online for entry in entries].count(False) == 2
    assert len({entry.footprint for entry in entries}) >= 6
    clouds = {a.value for entry in entries for a in entry.attributes if a.name == "cloudCover"}
    assert len(clouds) > 6
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json"] * 12 + [".zip"] * 12


def test_hundreds_of_products_have_names_of_their_own(tmp_path: Path) -> None:
    """Benchmarks ask for many."""
    entries = generate_products(tmp_path, 300, size=20_000)
    assert len({entry.name for entry in entries}) == 300


def test_a_zip_without_description_is_described_from_its_name(tmp_path: Path) -> None:
    """Digests are computed once and kept; type, tile and time come from the name."""
    product = tmp_path / f"{SPEC.name}.zip"
    product.write_bytes(b"PK not really")
    (entry,) = FolderCatalogue.open(tmp_path).entries
    assert entry.md5 == hashlib.md5(b"PK not really").hexdigest()
    assert entry.sensing_start == "2024-07-15T10:15:59.000000Z"
    values = {one.name: one.value for one in entry.attributes}
    assert (values["productType"], values["tileId"]) == ("S2MSI1C", "32TQM")
    assert sidecar_of(product).exists()
    assert FolderCatalogue.open(tmp_path).entries == [entry]
    product.write_bytes(b"PK another")
    assert FolderCatalogue.open(tmp_path).entries[0].content_length == 10


def test_other_files_are_not_products(tmp_path: Path) -> None:
    """A folder may hold notes and part files."""
    for name in ("notes.txt", "x.zip.part", "y.json"):
        (tmp_path / name).write_text("{}")
    assert FolderCatalogue.open(tmp_path).entries == []


def test_tiles_lie_where_they_are() -> None:
    """Rome is in 32TQM's neighbourhood, Berlin in 33UUU, Quito (south of the equator) in 17MQV."""
    for tile, lon, lat in (("32TQM", 12.0, 41.9), ("33UUU", 12.9, 52.6), ("17MQV", -78.5, -0.2)):
        ring = tile_ring(tile)
        longitudes, latitudes = zip(*ring, strict=True)
        assert ring[0] == ring[-1]
        assert min(longitudes) - 0.3 < lon < max(longitudes) + 0.3
        assert min(latitudes) - 0.3 < lat < max(latitudes) + 0.3
    with pytest.raises(ValueError, match="not a tile"):
        tile_ring("T32TQ")


def test_a_quicklook_has_the_parts_of_a_jpeg() -> None:
    """Start, frame of the right size, scan without stray markers, end (ITU-T T.81)."""
    data = grey_jpeg([[0, 255, 128], [7, 7, 250]])
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    frame = data.index(b"\xff\xc0")
    assert data[frame + 5 : frame + 9] == bytes((0, 16, 0, 24))
    scan = data[data.index(b"\xff\xda") + 10 : -2]
    assert b"\xff" not in scan.replace(b"\xff\x00", b"")
