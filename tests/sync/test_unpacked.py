"""Products that somebody has unpacked in the archive: present when their manifest proves it."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from s2fetch.embedded.entry import Entry
from s2fetch.embedded.safe import generate_products
from s2fetch.errors import ExitCode
from s2fetch.events import CopyRefused, ProductAdopted
from s2fetch.product import Proof
from s2fetch.sync.scrub import ScrubReport
from s2fetch.sync.verify import VerifyReport
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, off_loop


async def site_of(site_factory: SiteFactory, tmp_path: Path, count: int = 1) -> Site:
    """A hub with real products, and an archive with nothing."""
    generate_products(tmp_path / "products", count, size=60_000)
    site = await site_factory(tmp_path / "products")
    site.root.mkdir()
    return site


def unpack(site: Site, entry: Entry, below: str = "") -> Path:
    """Unpack a product in the archive; returns its folder."""
    body = site.catalogue.body(entry.id)
    assert isinstance(body, Path)
    with zipfile.ZipFile(body) as archive:
        archive.extractall(site.root / below)
    return site.root / below / entry.name


def image_of(folder: Path) -> Path:
    return next(folder.rglob("*_B02.jp2"))


async def verify(site: Site) -> VerifyReport:
    async with site.client() as client:
        return await client.verify()


async def scrub(site: Site) -> ScrubReport:
    await site.clock.sleep(10)
    async with site.client(scrub_period="1s") as client:
        return await client.scrub()


@pytest.mark.parametrize("below", ["", "{name}", "{stem}"])
async def test_an_unpacked_product_counts_as_present(
    site_factory: SiteFactory, tmp_path: Path, below: str
) -> None:
    """Also in a folder of the zip's name, as some programs unpack; nothing is downloaded."""
    site = await site_of(site_factory, tmp_path)
    entry = site.entries[0]
    stem = entry.name.removesuffix(".SAFE")
    folder = unpack(site, entry, below.format(name=entry.name, stem=stem))
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)
    assert site.stats.bodies == {}
    record = site.record(entry)
    assert record.path == str(folder.relative_to(site.root))
    assert (record.unpacked, record.proof) == (True, Proof.MANIFEST)
    assert record.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert site.seen(ProductAdopted)[0].proof is Proof.MANIFEST
    report = await site.sync()
    assert (report.exit_code, report.already, report.adopted) == (ExitCode.OK, 1, 0)


async def test_an_unpacked_product_is_not_taken_for_another_of_its_name(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Its manifest proves that it is whole, not which of the two it is."""
    site = await site_of(site_factory, tmp_path, 2)
    first, other = site.entries
    unpack(site, first)
    site.catalogue.relist(other.id, name=first.name)
    other, body = site.entries[1], site.bytes_of(other)
    site.catalogue.delete(other.id)
    assert (await site.sync()).adopted == 1
    site.catalogue.add(other, body)
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 0, 1)


async def test_a_product_that_is_unpacked_after_it_was_fetched_stays_present(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """The zip is gone, its folder is there: what people do who work with the data."""
    site = await site_of(site_factory, tmp_path)
    entry = site.entries[0]
    assert (await site.sync()).fetched == 1
    unpack(site, entry)
    site.path_of(entry).unlink()
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)
    assert sum(site.stats.bodies.values()) == 1


async def test_an_unpacked_product_is_found_in_the_folders_of_the_layout(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """With all the names a layout gives it."""
    site = await site_of(site_factory, tmp_path)
    entry = site.entries[0]
    folder = unpack(site, entry, "2024/06")
    folder.rename(folder.with_name(f"32TQM-{entry.name}"))
    report = await site.sync(layout="{year}/{month}/{tile}-{name}")
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)


async def test_files_of_other_programs_in_the_folder_do_not_matter(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """GDAL, for one, writes its statistics beside the images."""
    site = await site_of(site_factory, tmp_path)
    folder = unpack(site, site.entries[0])
    image_of(folder).with_suffix(".jp2.aux.xml").write_text("<PAMDataset/>")
    assert (await site.sync()).adopted == 1
    assert (await verify(site)).intact == 1


@pytest.mark.parametrize("damage", ["missing", "short", "changed", "renamed", "no manifest"])
async def test_a_folder_that_is_not_the_whole_product_is_left_alone(
    site_factory: SiteFactory, tmp_path: Path, damage: str
) -> None:
    """The product is fetched beside it, and the user hears why."""
    site = await site_of(site_factory, tmp_path, 2)
    entry, other = site.entries
    folder = unpack(site, entry)
    image = image_of(folder)
    content = image.read_bytes()
    if damage == "missing":
        image.unlink()
    elif damage == "short":
        image.write_bytes(content[:-1])
    elif damage == "changed":
        image.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "renamed":
        shutil.rmtree(folder)
        unpack(site, other).rename(folder)
    else:
        (folder / "manifest.safe").unlink()
    before = sorted(folder.rglob("*"))
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 0, 2)
    site.assert_whole()
    assert sorted(folder.rglob("*")) == before
    refused = [(event.path, event.reason) for event in site.seen(CopyRefused)]
    words = {
        "missing": "lacks",
        "short": "bytes instead of",
        "changed": "the manifest lists",
        "renamed": f"it is {other.name}",
    }
    if damage == "no manifest":
        assert refused == []
    else:
        assert refused[0][0] == folder.name
        assert words[damage] in refused[0][1]


async def test_a_manifest_with_a_path_that_none_can_be_proves_nothing(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """No file system has a NUL in a name."""
    site = await site_of(site_factory, tmp_path)
    manifest = unpack(site, site.entries[0]) / "manifest.safe"
    manifest.write_text(manifest.read_text().replace("./INSPIRE.xml", "./INSPIRE%00.xml"))
    assert (await site.sync()).fetched == 1
    assert "it lacks 'INSPIRE\\x00.xml'" in site.seen(CopyRefused)[0].reason


async def test_a_manifest_that_leads_out_of_its_folder_proves_nothing(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Nothing outside is even looked at."""
    site = await site_of(site_factory, tmp_path)
    manifest = unpack(site, site.entries[0]) / "manifest.safe"
    manifest.write_text(manifest.read_text().replace("./INSPIRE.xml", "./../../INSPIRE.xml"))
    assert (await site.sync()).fetched == 1
    assert "leads out of it" in site.seen(CopyRefused)[0].reason


@pytest.mark.parametrize("rot", ["an image", "the manifest", "everything"])
async def test_verify_and_scrub_look_at_all_files_of_an_unpacked_product(
    site_factory: SiteFactory, tmp_path: Path, rot: str
) -> None:
    """What is damaged is named, and the next sync fetches the product instead of trusting it."""
    site = await site_of(site_factory, tmp_path, 2)
    entry, sound = site.entries
    folder = unpack(site, entry)
    unpack(site, sound)
    await site.sync()
    assert (await verify(site)).intact == 2
    assert (await scrub(site)).intact == 2
    if rot == "an image":
        image_of(folder).write_bytes(b"rot")
    elif rot == "the manifest":
        path = folder / "manifest.safe"
        path.write_text(path.read_text().replace("acquisitionPeriod platform", "acquisitionperiod"))
    else:
        shutil.rmtree(folder)
    report = await verify(site)
    assert report.exit_code == ExitCode.DAMAGED
    assert [damaged.path for damaged in report.damaged] == [folder.name]
    synced = await site.sync()
    assert (synced.exit_code, synced.already, synced.fetched) == (ExitCode.OK, 1, 1)
    site.assert_whole([entry])
    assert (await site.sync()).already == 2


async def test_scrub_finds_rot_in_an_unpacked_product(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """It reads the same files as verify does."""
    site = await site_of(site_factory, tmp_path)
    folder = unpack(site, site.entries[0])
    await site.sync()
    image_of(folder).write_bytes(b"rot")
    assert [damaged.path for damaged in (await scrub(site)).damaged] == [folder.name]


async def test_a_touched_manifest_means_hashing_again(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Once, and no download."""
    site = await site_of(site_factory, tmp_path)
    folder = unpack(site, site.entries[0])
    await site.sync()
    (folder / "manifest.safe").touch()
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 0)
    assert (await site.sync()).already == 1


async def test_a_new_version_upstream_is_fetched_although_the_old_one_lies_there_unpacked(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """An unpacked copy cannot be compared with the new checksum; also when the first try fails."""
    site = await site_of(site_factory, tmp_path, 2)
    entry = site.entries[0]
    unpack(site, entry)
    await site.sync(name=[entry.name])
    new = site.bytes_of(site.entries[1])
    site.catalogue.replace_body(entry.id, new)
    md5, size = hashlib.md5(new).hexdigest(), len(new)
    site.catalogue.relist(entry.id, online=False, md5=md5, blake3="", content_length=size)
    assert (await site.sync(name=[entry.name])).waiting == 1
    site.catalogue.relist(entry.id, online=True)
    report = await site.sync(name=[entry.name])
    assert (report.exit_code, report.fetched, report.adopted) == (ExitCode.OK, 1, 0)
    assert site.file_of(entry).read_bytes() == new
    assert not site.record(entry).unpacked


async def test_a_late_checksum_leaves_an_unpacked_product_as_it_is(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """The catalogue had none when it was adopted; its own proof stays what it was."""
    site = await site_of(site_factory, tmp_path)
    entry = site.entries[0]
    unpack(site, entry)
    site.catalogue.relist(entry.id, md5="", blake3="")
    assert (await site.sync()).adopted == 1
    site.catalogue.relist(entry.id, md5=entry.md5)
    report = await site.sync()
    assert (report.already, report.fetched, report.adopted) == (1, 0, 0)
    assert site.record(entry).proof is Proof.MANIFEST
    assert site.record(entry).listed == f"MD5:{entry.md5}"


async def test_a_dry_run_says_what_is_there_unrecorded(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Files and folders of the right name and size will be hashed and not fetched."""
    site = await site_of(site_factory, tmp_path, 4)
    first, second, third, _ = site.entries
    unpack(site, first)
    shutil.copy(tmp_path / "products" / f"{second.name}.zip", site.path_of(second))
    site.path_of(third).write_bytes(b"of another size")
    async with site.client() as client:
        preview = await client.preview()
        renewing = await client.preview(renew=True)
    assert (preview.to_verify, preview.to_fetch, preview.already) == (2, 2, 0)
    assert (renewing.to_verify, renewing.to_fetch) == (0, 4)
    assert not off_loop((site.root / ".s2fetch").exists)


async def test_renewing_fetches_beside_an_unpacked_product(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """The folder stays: it is the user's."""
    site = await site_of(site_factory, tmp_path)
    folder = unpack(site, site.entries[0])
    await site.sync()
    assert (await site.sync(renew=True)).fetched == 1
    assert (folder / "manifest.safe").exists()
    site.assert_whole()
    assert not site.record(site.entries[0]).unpacked


async def test_what_was_moved_is_found_in_any_folder(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Recorded files always; what nobody has recorded when that is asked for. Once per run."""
    site = await site_of(site_factory, tmp_path, 4)
    zipped, unpacked, new, elsewhere = site.entries
    names = [zipped.name, unpacked.name]
    await site.sync(name=names)
    (site.root / "north" / "2024").mkdir(parents=True)
    site.path_of(zipped).rename(site.root / "north" / f"{zipped.name}.zip")
    site.path_of(unpacked).unlink()
    unpack(site, unpacked, "north/2024")
    async with site.client() as client:
        assert (await client.preview()).to_verify == 2
    report = await site.sync(name=names)
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 2, 0)
    assert site.record(zipped).path == f"north/{zipped.name}.zip"
    assert site.record(unpacked).path == f"north/2024/{unpacked.name}"
    site.file_of(zipped).rename(site.root / "north" / "2024" / f"{zipped.name}.zip")
    assert (await verify(site)).exit_code == ExitCode.DAMAGED
    assert (await site.sync(name=names)).adopted == 1, "also after verify has missed it"
    shutil.copy(tmp_path / "products" / f"{new.name}.zip", site.root / "north" / "2024")
    async with site.client() as client:
        assert (await client.preview()).to_fetch == 2
        assert (await client.preview(everywhere=True)).to_fetch == 1
    report = await site.sync(everywhere=True)
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 1, 1)
    assert site.record(elsewhere).path == f"{elsewhere.name}.zip"
    assert (await site.sync()).already == 4


async def test_what_was_moved_to_a_folder_without_a_name_in_utf_8_is_fetched_again(
    site_factory: SiteFactory, tmp_path: Path
) -> None:
    """Its path cannot be recorded; it is left alone."""
    site = await site_of(site_factory, tmp_path)
    await site.sync()
    odd = site.root / os.fsdecode(b"B\xfcro")
    odd.mkdir()
    moved = site.path_of(site.entries[0]).rename(odd / site.path_of(site.entries[0]).name)
    report = await site.sync()
    assert (report.exit_code, report.adopted, report.fetched) == (ExitCode.OK, 0, 1)
    assert moved.exists()
