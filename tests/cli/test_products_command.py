"""``s2fetch products`` as a process."""

from __future__ import annotations

import json

from s2fetch.vocabulary import COLLECTIONS
from tests.cli.conftest import Shell
from tests.cli.terminal import on_terminal


async def test_a_pipe_gets_lines_with_tabs(shell: Shell) -> None:
    """Every collection's types and attributes, for grep and cut."""
    shell.fresh = True
    done = await shell.run("products")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert {row[0] for row in rows} == set(COLLECTIONS)
    assert ["SENTINEL-5P", "type", "L2__NO2___", "L2_NO2,NO2"] in rows
    assert ["SENTINEL-1", "type", "SLC", "group"] in rows
    assert ["SENTINEL-3", "attribute", "timeliness", "String", "--timeliness", "NR,ST,NT"] in rows
    assert ["SENTINEL-1", "attribute", "sliceProductFlag", "Boolean", "", ""] in rows
    both = ["SENTINEL-2", "attribute", "processorVersion", "String"]
    assert [*both, "--processor-version,--baseline", ""] in rows
    assert ["CLMS"] in rows


async def test_json_is_one_object_for_each_collection(shell: Shell) -> None:
    """Only the chosen one, in any case."""
    done = await shell.run("products", "sentinel-1-rtc", "--json")
    (found,) = [json.loads(line) for line in done.out.splitlines()]
    assert found["collection"] == "SENTINEL-1-RTC"
    assert found["types"] == [{"name": "RTC", "short": [], "group": False}]
    (one,) = [one for one in found["attributes"] if one["name"] == "polarisationChannels"]
    assert one["options"] == ["--polarisation"]
    assert one["values"] == ["VV", "HH", "VH", "HV", "VV&VH", "HH&HV"]
    assert len((await shell.run("products", "--json")).out.splitlines()) == len(COLLECTIONS)


async def test_a_terminal_gets_tables_that_fit(shell: Shell) -> None:
    """Collections first; types and attributes of the one that is named."""
    code, shown = await on_terminal(shell, "products", columns=80)
    lines = shown.split("\r\n")
    assert code == 0
    assert lines[0].split() == ["COLLECTION", "TYPES", "ATTRIBUTES", "WHAT"]
    assert all(len(line) <= 80 for line in lines)
    code, shown = await on_terminal(shell, "products", "SENTINEL-3", columns=80)
    assert "OL_1_EFR___   OL_1_EFR, EFR\r\n" in shown
    assert all(len(line) <= 80 for line in shown.split("\r\n"))
    code, shown = await on_terminal(shell, "products", "S2GLC", columns=80)
    assert "Any product type is accepted." in shown
    assert "Any attribute is accepted" in shown


async def test_an_unknown_collection_is_refused(shell: Shell) -> None:
    """With the nearest ones."""
    done = await shell.run("products", "SENTINEL-5")
    assert done.code == 2
    assert "Did you mean SENTINEL-5P" in done.err


async def test_a_search_with_a_typo_ends_before_it_asks(shell: Shell) -> None:
    """No hub is needed to see it."""
    done = await shell.run("search", "--collection", "SENTINEL-5P", "--product-type", "NO3")
    assert done.code == 2
    assert "L2__NO2___" in done.err
