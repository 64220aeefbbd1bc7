"""``s2fetch search`` as a process."""

from __future__ import annotations

import csv
import io
import json
import os
import uuid
from collections.abc import AsyncIterator

import msgspec
import pyarrow.parquet as pq
import pytest

from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.synthetic import SyntheticCatalogue
from tests.cli.conftest import Shell
from tests.cli.terminal import on_terminal


@pytest.fixture
async def long_hub(shell: Shell) -> AsyncIterator[EmbeddedHub]:
    """A hub that lists 3,000 products."""
    async with EmbeddedHub(SyntheticCatalogue(3_000)) as hub:
        shell.use(hub)
        yield hub


async def test_a_pipe_gets_lines_with_tabs_and_nothing_else(shell: Shell, hub: EmbeddedHub) -> None:
    """Names first; number and total size are on standard error."""
    done = await shell.run("search")
    assert done.code == 0
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert len(rows) == 6
    entry = hub.folder.entries[0]
    (row,) = [row for row in rows if row[0] == entry.name]
    assert row[1] == str(entry.content_length)
    assert row[4:] == ["online", entry.id]
    total = sum(int(row[1]) for row in rows)
    assert done.err.startswith(f"6 products, {total // 1000} kB")


async def test_names_can_be_handed_on(shell: Shell, hub: EmbeddedHub) -> None:
    """A list of names is a selection for another command."""
    done = await shell.run_script(
        "$S2FETCH search --limit 2 | cut -f1 > names.txt && "
        "$S2FETCH sync --names-file names.txt --into archive"
    )
    assert done.code == 0, done.err
    assert "2 products match: 2 fetched" in done.out


async def test_json_is_one_object_on_each_line(shell: Shell, hub: EmbeddedHub) -> None:
    """With checksums and attributes."""
    done = await shell.run("search", "--json", "--quiet")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert {row["name"] for row in rows} == {entry.name for entry in hub.folder.entries}
    assert all(row["checksums"][0]["algorithm"] == "MD5" for row in rows)
    assert all(0 <= row["attributes"]["cloudCover"] <= 100 for row in rows)
    assert done.err == ""


async def test_geojson_has_a_feature_for_each_product(shell: Shell, hub: EmbeddedHub) -> None:
    """A FeatureCollection (RFC 7946) with the footprints."""
    done = await shell.run("search", "--geojson")
    collection = json.loads(done.out)
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == 6
    for feature in collection["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "Polygon"
        assert feature["properties"]["name"].endswith(".SAFE")


async def test_csv_has_a_header(shell: Shell, hub: EmbeddedHub) -> None:
    """And cells that need it in quotes."""
    done = await shell.run("search", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == 6
    assert all(row["footprint"].startswith("POLYGON") for row in rows)
    assert all(row["checksum"].startswith("MD5:") for row in rows)


@pytest.mark.parametrize(
    ("form", "empty"),
    [("--json", ""), ("--geojson", '{"type":"FeatureCollection","features":[\n]}\n')],
)
async def test_nothing_found_is_valid_too(
    shell: Shell, hub: EmbeddedHub, form: str, empty: str
) -> None:
    """An empty listing in every form."""
    done = await shell.run("search", "--from", "1999-01-01", "--to", "1999-01-02", form)
    assert (done.code, done.out) == (0, empty)
    assert done.err.startswith("0 products, 0 B")


async def test_the_forms_for_other_programs_say_the_same_products(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Names, addresses, STAC and GeoParquet."""
    names = {entry.name for entry in hub.folder.entries}
    assert set((await shell.run("search", "--names")).out.splitlines()) == names
    urls = {f"{hub.download_url}/Products({entry.id})/$value" for entry in hub.folder.entries}
    assert set((await shell.run("search", "--urls")).out.splitlines()) == urls
    items = json.loads((await shell.run("search", "--stac")).out)["features"]
    assert {f"{item['id']}.SAFE" for item in items} == names
    done = await shell.run("search", "--geoparquet", "found.parquet")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("6 products, ")
    assert set(pq.read_table(shell.folder / "found.parquet")["name"].to_pylist()) == names


async def test_a_geoparquet_file_takes_the_place_of_nothing_but_an_older_one(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """``--geoparquet archive.toml``, a slip of the hand, must not cost the configuration."""
    file = shell.folder / "archive.toml"
    file.write_text("limit = 1\n")
    os.mkfifo(shell.folder / "pipe")
    for where, said in (
        ("archive.toml", "archive.toml is there already and is no GeoParquet file"),
        ("missing/found.parquet", "cannot be written to missing/found.parquet: No such file"),
        (".", "it is a folder"),
        ("pipe", "pipe is there already and is no file"),
    ):
        done = await shell.run("search", "archive.toml", "--geoparquet", where)
        assert done.code == 2
        assert said in done.err
    assert file.read_text() == "limit = 1\n"
    assert not hub.stats.requests
    (shell.folder / "found.parquet").symlink_to("served.parquet")
    for limit in ("2", "3"):
        done = await shell.run("search", "--limit", limit, "--geoparquet", "found.parquet")
        assert done.code == 0, done.err
        assert (shell.folder / "found.parquet").is_symlink()
        assert pq.read_table(shell.folder / "served.parquet").num_rows == int(limit)


async def test_fields_are_chosen_for_every_form_that_has_columns(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Own ones and attributes; a typo has its nearest."""
    done = await shell.run("search", "--csv", "--fields", "name, cloudcover", "--limit", "2")
    assert done.out.splitlines()[0] == "name,cloudCover"
    assert len(done.out.splitlines()) == 3
    done = await shell.run("search", "--fields", "tileId,size")
    assert {line.split("\t")[0] for line in done.out.splitlines()} <= {
        attribute.value
        for entry in hub.folder.entries
        for attribute in entry.attributes
        if attribute.name == "tileId"
    }
    done = await shell.run("search", "--fields", "sice")
    assert done.code == 2
    assert "Did you mean size" in done.err
    assert (await shell.run("search", "--stac", "--fields", "size")).code == 2
    assert (await shell.run("search", "--stac", "--count")).code == 2
    done = await shell.run("search", "--csv", "--json")
    assert (done.code, done.out) == (2, "")
    assert "--json and --csv exclude each other" in done.err


async def test_a_count_is_one_request(shell: Shell, hub: EmbeddedHub) -> None:
    """And one number."""
    done = await shell.run("search", "--count")
    assert (done.code, done.out, done.err) == (0, "6\n", "")
    assert sum(hub.stats.requests.values()) == 1
    done = await shell.run("search", "--count", "--versions", "newest")
    assert (done.code, done.out) == (0, "6\n")
    assert "Counted by listing" in done.err


async def test_a_count_tells_what_nothing_can_match_and_what_is_missing(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """As the listing would, with the same exit codes."""
    done = await shell.run("search", "--count", "--where", "origin=ESSA")
    assert (done.code, done.out) == (2, "")
    assert "nothing matches: the hub has no product whose origin is ESSA" in done.err
    done = await shell.run("search", "--count", "--to", "1999-01-01")
    assert (done.code, done.out, done.err) == (0, "0\n", "")
    missing = "S2A_MSIL1C_20200101T000000_N0500_R001_T32TQM_20200101T000000.SAFE"
    known = hub.folder.entries[0].name
    done = await shell.run("search", "--count", "--name", f"{missing},{known}")
    assert (done.code, done.out) == (7, "1\n")
    assert f"Warning: not in the catalogue: {missing}." in done.err


async def test_a_preview_tells_what_a_sync_would(shell: Shell, hub: EmbeddedHub) -> None:
    """That nothing can match, what was done to the area, and with --verbose every decision."""
    into = ("sync", "--into", "archive", "--dry-run")
    done = await shell.run(*into, "--where", "origin=ESSA")
    assert (done.code, "nothing matches: the hub has no product" in done.err) == (2, True)
    done = await shell.run(*into, "--box", "179,-80,-179,80")
    assert (done.code, "Warning: The box crosses the antimeridian" in done.err) == (0, True)
    name = hub.folder.entries[0].name
    done = await shell.run(*into, "--name", name, "--verbose", "--log-format", "json")
    (planned,) = done.logged("product-planned")
    assert (planned["product"], planned["verdict"]) == (name, "fetch")


async def test_a_name_that_other_options_leave_out_is_not_called_unknown(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """By a search, by a preview and by a sync."""
    words = ("--name", hub.folder.entries[0].name, "--to", "1999-01-01")
    said = "not in the catalogue, or left out by the other options"
    done = await shell.run("search", *words)
    assert (done.code, f"Warning: {said}: {words[1]}" in done.err) == (7, True)
    done = await shell.run("sync", *words, "--into", "archive", "--dry-run")
    assert (done.code, f"Warning: {said}: {words[1]}" in done.err) == (7, True)
    done = await shell.run("sync", *words, "--into", "archive")
    assert (done.code, f"N{said[1:]} (1):" in done.out) == (7, True)


async def test_a_list_and_a_time_are_not_both_from(shell: Shell, hub: EmbeddedHub) -> None:
    """The last one would win, and everything since then be fetched."""
    (shell.folder / "x.txt").write_text(hub.folder.entries[0].name)
    done = await shell.run("search", "--from", "x.txt", "--from", "2024-01-01")
    assert (done.code, done.out) == (2, "")
    assert "--from was given 2 times" in done.err
    done = await shell.run("search", "--from-list", "x.txt", "--from", "2024-01-01", "--names")
    assert (done.code, done.out) == (0, f"{hub.folder.entries[0].name}\n")


async def test_what_a_search_found_can_be_fetched_from_a_file_or_a_pipe(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """Also after somebody has taken some away."""
    await shell.run_script("$S2FETCH search --geojson > found.geojson")
    found = json.loads((shell.folder / "found.geojson").read_text())
    del found["features"][2:]
    (shell.folder / "found.geojson").write_text(json.dumps(found))
    done = await shell.run("sync", "--from", "found.geojson", "--into", "one")
    assert (done.code, "2 products match: 2 fetched" in done.out) == (0, True), done.err
    piped = "$S2FETCH search --limit 2 --urls | $S2FETCH sync --from - --into urls"
    done = await shell.run_script(piped)
    assert (done.code, "2 products match: 2 fetched" in done.out) == (0, True), done.err
    for form in ("csv", "stac", "json", "names"):
        read, write = os.pipe()
        with os.fdopen(read) as given, os.fdopen(write, "w") as wanted:
            await shell.run("search", "--limit", "2", f"--{form}", stdout=wanted.fileno())
            wanted.close()
            words = ("sync", "--from", "-", "--into", form)
            done = await shell.run(*words, stdin=given.fileno())
        assert (done.code, "2 products match: 2 fetched" in done.out) == (0, True), done.err


async def test_a_name_that_is_unknown_is_told(shell: Shell, hub: EmbeddedHub) -> None:
    """A listing that lacks it is not taken for complete."""
    missing = "S2A_MSIL1C_20200101T000000_N0500_R001_T32TQM_20200101T000000.SAFE"
    done = await shell.run("search", "--name", missing)
    assert done.code == 7
    assert f"Warning: not in the catalogue: {missing}" in done.err


async def test_unknown_names_set_the_exit_code_of_a_sync_and_of_its_preview(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """What exists is fetched all the same."""
    missing = "S1A_IW_GRDH_1SDV_20240601T051532_20240601T051557_054128_06953A_1F2E"
    known = hub.folder.entries[0].name.removesuffix(".SAFE")
    words = ("sync", "--name", f"{missing},{known}", "--into", "archive")
    preview = await shell.run(*words, "--dry-run")
    assert preview.code == 7
    assert f"not in the catalogue: {missing}.SAFE" in preview.err
    done = await shell.run(*words)
    assert done.code == 7
    assert f"{missing}.SAFE" in done.out
    assert "1 fetched" in done.out


async def test_versions_are_chosen_and_what_is_left_out_is_told(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """By a search, by a preview and by a sync; all of them are taken unless told otherwise."""
    old = hub.folder.entries[0]
    newer = msgspec.structs.replace(
        old, id=str(uuid.uuid4()), name=old.name.replace("_N0510_", "_N0511_")
    )
    assert newer.name != old.name
    body = hub.folder.body(old.id)
    assert body is not None
    hub.folder.add(newer, body)
    done = await shell.run("search", "--names")
    assert len(done.out.splitlines()) == 7
    assert "1 of these is another version of the same acquisition" in done.err
    done = await shell.run("search", "--names", "--versions", "newest")
    assert old.name not in done.out
    assert newer.name in done.out
    assert "1 product besides is superseded by better versions: --versions all takes" in done.err
    done = await shell.run("sync", "--versions", "N0510", "--into", "archive", "--dry-run")
    assert "6 products" in done.out
    assert "1 product besides is superseded" in done.err
    words = ("--versions", "newest", "--into", "archive", "--report", "report.json")
    done = await shell.run("sync", *words)
    assert done.code == 0
    assert "1 product besides is superseded by better versions" in done.out
    report = json.loads((shell.folder / "report.json").read_text())
    assert (report["found"], report["superseded"], report["fetched"]) == (6, 1, 6)


async def test_a_search_needs_no_account(shell: Shell, hub: EmbeddedHub) -> None:
    """Nobody is logged in."""
    del shell.environment["S2FETCH_USER"], shell.environment["S2FETCH_PASSWORD"]
    assert (await shell.run("search")).code == 0
    assert hub.stats.logins == 0


async def test_a_reader_may_stop_early(shell: Shell, long_hub: EmbeddedHub) -> None:
    """As ``head`` does: no traceback, no error."""
    done = await shell.run_script("$S2FETCH search --json | head -n 1; exit ${PIPESTATUS[0]}")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
    assert "Error" not in done.err
    assert "Traceback" not in done.err


async def test_long_listings_are_complete(shell: Shell, long_hub: EmbeddedHub) -> None:
    """Beyond the page size, and each product once."""
    done = await shell.run("search")
    names = [line.split("\t")[0] for line in done.out.splitlines()]
    assert len(names) == len(set(names)) == 3_000


async def test_a_terminal_gets_a_table_that_fits(shell: Shell, hub: EmbeddedHub) -> None:
    """With a heading, sizes and clouds."""
    code, shown = await on_terminal(shell, "search", columns=80)
    assert code == 0
    lines = shown.split("\r\n")
    assert lines[0].split() == ["NAME", "SIZE", "CLOUD"]
    assert all(len(line) <= 80 for line in lines)
    assert sum(" kB " in line and " %" in line for line in lines) == 6
    assert any(line.startswith("6 products, ") for line in lines)


async def test_a_table_has_the_chosen_columns(shell: Shell, hub: EmbeddedHub) -> None:
    """In their order, however narrow the terminal is."""
    words = ("search", "--fields", "cloudCover,name,published,tileId")
    code, shown = await on_terminal(shell, *words, columns=72)
    assert code == 0
    lines = shown.split("\r\n")
    assert lines[0].split() == ["CLOUD", "NAME", "PUBLISHED", "TILEID"]
    assert all(len(line) <= 72 for line in lines)
    assert sum(" %" in line and "2024-" in line for line in lines) == 6


async def test_a_query_of_other_products_is_told_where_it_was_asked(
    shell: Shell, hub: EmbeddedHub
) -> None:
    """The default collection is added, so that text about another one finds nothing."""
    said = "Asked of SENTINEL-2 only, as --query names no other: see --collection"
    text = "startswith(Name,'S1A')"
    for words in (("search",), ("search", "--count"), ("sync", "--into", "a", "--dry-run")):
        done = await shell.run(*words, "--query", text)
        assert (done.code, said in done.err) == (0, True), done.err
    done = await shell.run("search", "--query", "startswith(Name,'S2A')")
    assert said not in done.err
