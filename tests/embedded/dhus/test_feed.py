"""The shape of a search's answer, quirk by quirk."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.entry import Attribute
from tests.conftest import DhusFactory
from tests.embedded.dhus.conftest import GRD, L1C, NO2, OLCI, SLC, Guest, catalogue, listed

ATOM = "{http://www.w3.org/2005/Atom}"


def links(feed: dict[str, Any]) -> dict[str, str]:
    """Addresses by relation."""
    return {link["rel"]: link["href"] for link in feed["link"]}


async def test_an_entry_is_missing_an_object_or_a_list(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """By how many there are."""
    hub = await dhus_factory()
    assert "entry" not in await guest.feed(hub, "nothing")
    assert isinstance((await guest.feed(hub, rows="1"))["entry"], dict)
    assert isinstance((await guest.feed(hub, rows="2"))["entry"], list)


async def test_a_group_with_one_member_is_an_object(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """A Level-1C product has one number with a fraction, and two whole ones."""
    entry = (await guest.feed(await dhus_factory(), rows="1"))["entry"]
    assert entry["double"]["name"] == "cloudcoverpercentage"
    assert [one["name"] for one in entry["int"]] == ["orbitnumber", "relativeorbitnumber"]
    assert "arr" not in entry


async def test_every_value_is_a_string(dhus_factory: DhusFactory, guest: Guest) -> None:
    """Numbers and flags as well; dates lose the zeros at their end."""
    entry = listed(SLC, Attribute("cloudCover", "Double", 3.6476))
    feed = await guest.feed(await dhus_factory(catalogue(entry)))
    assert feed["opensearch:totalResults"] == "1"
    shown = feed["entry"]
    members = [*shown["str"], *shown["int"], *shown["date"], shown["double"]]
    values = {member["name"]: member["content"] for member in members}
    assert set(map(type, values.values())) == {str}
    assert values["cloudcoverpercentage"] == "3.6476"
    assert values["missiondatatakeid"] == str(0x0382D5)
    assert values["beginposition"] == "2020-01-03T10:47:00.52Z"
    assert values["ingestiondate"] == "2020-01-03T14:50:00.38Z"
    assert shown["ondemand"] == "false"


async def test_an_entry_has_title_links_and_summary(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Three links; the mode only where there is one."""
    hub = await dhus_factory(catalogue(listed(SLC), listed(L1C)))
    radar = (await guest.feed(hub, "platformname:Sentinel-1"))["entry"]
    assert radar["title"] == SLC.removesuffix(".SAFE")
    product = f"{hub.url}/odata/v1/Products('{radar['id']}')"
    assert radar["link"] == [
        {"href": f"{product}/$value"},
        {"rel": "alternative", "href": f"{product}/"},
        {"rel": "icon", "href": f"{product}/Products('Quicklook')/$value"},
    ]
    assert radar["summary"] == (
        "Date: 2020-01-03T10:47:00.52Z, Instrument: SAR-C SAR, Mode: VV VH,"
        " Satellite: Sentinel-1, Size: 7 B"
    )
    image = (await guest.feed(hub, "platformname:Sentinel-2"))["entry"]
    assert image["summary"] == (
        "Date: 2020-01-03T10:47:00.52Z, Instrument: MSI, Satellite: Sentinel-2, Size: 7 B"
    )
    hub = await dhus_factory(catalogue(listed(L1C)), generation="old-A")
    assert ", Mode: , " in (await guest.feed(hub))["entry"]["summary"]


@pytest.mark.parametrize(
    ("start", "rows", "subtitle"),
    [
        ("0", "2", "Displaying 0 to 1 of 6 total results. "),
        ("2", "2", "Displaying 2 to 3 of 6 total results. "),
        ("4", "2", "Displaying 4 to 5 of 6 total results. "),
        ("0", "10", "Displaying 6 results. "),
        ("0", "6", "Displaying 6 results. "),
        ("0", "0", "Displaying 0 to -1 of 6 total results. "),
    ],
)
async def test_the_subtitle_has_three_forms(
    dhus_factory: DhusFactory, guest: Guest, start: str, rows: str, subtitle: str
) -> None:
    """More pages follow, the last of several, and all on one page."""
    feed = await guest.feed(await dhus_factory(), start=start, rows=rows)
    assert feed["subtitle"].startswith(subtitle)
    assert re.search(r"Request done in [\d.]+ seconds\.$", feed["subtitle"])


@pytest.mark.parametrize(
    ("start", "rows", "previous", "following", "last"),
    [
        ("0", "2", None, "2", "5"),
        ("2", "2", None, "4", "5"),  # the second page has no previous one
        ("3", "2", "2", "6", "5"),  # aligned upwards, beyond the end
        ("4", "2", "2", None, "5"),
        ("0", "6", None, None, "5"),
        ("0", "0", None, "NaN", "5"),
    ],
)
async def test_links_follow_the_stylesheets_arithmetic(
    dhus_factory: DhusFactory,
    guest: Guest,
    start: str,
    rows: str,
    previous: str | None,
    following: str | None,
    last: str,
) -> None:
    """Wrong starts included."""
    found = links(await guest.feed(await dhus_factory(), start=start, rows=rows))
    starts = {name: re.search(r"start=([-\w]+)", link) for name, link in found.items()}
    shown = {name: match[1] for name, match in starts.items() if match}
    expected = {"self": start, "first": "0", "last": last}
    expected |= {"previous": previous} if previous else {}
    assert shown == expected | ({"next": following} if following else {})


async def test_links_hold_the_query_as_it_is_and_lose_the_order(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Quotes and blanks are not escaped, ``orderby`` is gone."""
    hub = await dhus_factory()
    q = 'platformname:"Sentinel-2" AND producttype:S2MSI1C'
    feed = await guest.feed(hub, q, rows="1", orderby="beginposition asc")
    found = links(feed)
    assert found["next"] == f"{hub.url}/search?q={q}&start=1&rows=1&format=json"
    assert "orderby" not in "".join(found.values())
    assert feed["id"] == f"{hub.url}/search?q={q}"
    assert feed["title"] == f"Sentinels Scientific Data Hub search results for: {q}"
    assert feed["opensearch:Query"] == {"role": "request", "searchTerms": q, "startPage": "1"}
    assert found["search"] == "opensearch_description.xml"


async def test_an_empty_result_has_a_last_page_before_the_first(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """``start=-1``."""
    feed = await guest.feed(await dhus_factory(), "nothing")
    assert "start=-1" in links(feed)["last"]
    assert feed["subtitle"].startswith("Displaying 0 results. ")


@pytest.mark.parametrize("generation", ["old-A", "old-B"])
async def test_old_links_lead_to_xml(
    dhus_factory: DhusFactory, guest: Guest, generation: str
) -> None:
    """They have Atom's type and no format; sizes are whole."""
    hub = await dhus_factory(catalogue(listed(L1C, content_length=700_000)), generation=generation)
    reply = await guest.search(hub)
    feed = reply.json()["feed"]
    assert {link["type"] for link in feed["link"]} == {
        "application/atom+xml",
        "application/opensearchdescription+xml",
    }
    assert "format=" not in "".join(links(feed).values())
    assert {"name": "size", "content": "684 KB"} in feed["entry"]["str"]
    assert (b"\n   " in reply.body) is (generation == "old-A")


async def test_the_oldest_servers_have_their_keys_in_any_order(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """The same content, jumbled."""
    old = await guest.feed(await dhus_factory(generation="old-A"), rows="1")
    new = await guest.feed(await dhus_factory(generation="old-B"), rows="1")
    assert list(old) != list(new)
    assert sorted(old) == sorted(new)


async def test_footprints_are_multipolygons_in_late_ingests(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """And polygons in early ones, on the same hub; GML is lat,lon with line breaks."""
    early = listed(L1C, publication_date="2018-01-01T14:00:00.000000Z")
    hub = await dhus_factory(catalogue(listed(SLC), early))
    shown = [
        {one["name"]: one["content"] for one in entry["str"]}
        for entry in (await guest.feed(hub))["entry"]
    ]
    assert shown[0]["footprint"] == (
        "MULTIPOLYGON (((10.0 40.0, 12.0 40.0, 12.0 42.0, 10.0 42.0, 10.0 40.0)))"
    )
    assert shown[1]["footprint"] == (
        "POLYGON ((10.0 40.0,12.0 40.0,12.0 42.0,10.0 42.0,10.0 40.0))"
    )
    assert "\n" in shown[0]["gmlfootprint"]
    assert ">40.0,10.0 40.0,12.0 42.0,12.0" in shown[0]["gmlfootprint"]


async def xml_of(guest: Guest, hub: EmbeddedDhus) -> tuple[str, str]:
    """Type and text of a search without a format."""
    reply = await guest.get(hub, "/search?q=*&rows=5&start=0")
    return reply.headers["Content-Type"].split(";")[0], reply.body.decode()


async def test_the_atom_form_has_one_element_per_line(
    dhus_factory: DhusFactory, guest: Guest
) -> None:
    """Scripts read it with grep."""
    hub = await dhus_factory(catalogue(*map(listed, (SLC, GRD, OLCI, NO2))))
    kind, text = await xml_of(guest, hub)
    assert kind == "application/xml"
    lines = text.splitlines()
    for start in ("<id>", "<title>", "<subtitle>", '<link rel="alternative" href="', "<entry>"):
        found = [line for line in lines if line.startswith(start)]
        assert len(found) == {"<entry>": 4, "<subtitle>": 1}.get(
            start, 5 if "alt" not in start else 4
        )
    dates = [line for line in lines if '="ingestiondate"' in line]
    assert dates == ['<date name="ingestiondate">2020-01-03T14:50:00.38Z</date>'] * 4
    assert '<int name="orbitnumber">30639</int>' in lines


async def test_the_atom_form_says_the_same(dhus_factory: DhusFactory, guest: Guest) -> None:
    """It is well-formed and has the same values as the JSON form."""
    hub = await dhus_factory(catalogue(listed(SLC), listed(L1C)), generation="old-B")
    kind, text = await xml_of(guest, hub)
    assert kind == "application/atom+xml"
    feed = await guest.feed(hub)
    root = ET.fromstring(text)
    for shown, entry in zip(root.findall(f"{ATOM}entry"), feed["entry"], strict=True):
        strings = {one.get("name"): one.text for one in shown.findall(f"{ATOM}str")}
        assert strings == {one["name"]: one["content"] for one in entry["str"]}
        assert shown.findtext(f"{ATOM}id") == entry["id"]
