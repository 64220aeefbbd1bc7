"""Search, lookup and everything else the catalogue host answers."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from s2fetch.embedded.odata_filter import Comparison, parse_filter
from s2fetch.embedded.synthetic import SyntheticCatalogue
from tests.conftest import HubFactory
from tests.embedded.conftest import Visitor

ORDER = "ContentDate/Start asc"


async def test_rows_have_the_documented_members(hub_factory: HubFactory, visitor: Visitor) -> None:
    """A row has exactly the members the service sends, in its order; expands add theirs."""
    hub = await hub_factory()
    page = (await visitor.search(hub, top="1")).json()
    assert list(page["value"][0]) == [
        "@odata.mediaContentType", "Id", "Name", "ContentType", "ContentLength", "OriginDate",
        "PublicationDate", "ModificationDate", "Online", "EvictionDate", "S3Path", "Checksum",
        "ContentDate", "Footprint", "GeoFootprint",
    ]  # fmt: skip
    assert page["@odata.context"] == "$metadata#Products"
    expanded = (await visitor.search(hub, top="1", expand="Assets, Attributes")).json()
    assert expanded["@odata.context"] == "$metadata#Products(Attributes(),Assets())"
    assert {"Attributes", "Assets"} < set(expanded["value"][0])
    assert "Locations" not in expanded["value"][0]


async def test_rows_tell_the_truth_about_the_files(
    hub_factory: HubFactory, visitor: Visitor, products: Path
) -> None:
    """Name and length in the catalogue are those of the zip."""
    hub = await hub_factory()
    rows = (await visitor.search(hub, orderby=ORDER)).json()["value"]
    files = {path.stem: path.stat().st_size for path in products.glob("*.zip")}
    assert {row["Name"]: row["ContentLength"] for row in rows} == files
    assert [row["ContentDate"]["Start"] for row in rows] == sorted(
        row["ContentDate"]["Start"] for row in rows
    )


async def test_pages_follow_their_links_to_the_end(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Links are absolute, echo all options and end with the last page."""
    hub = await hub_factory()
    text = "Collection/Name eq 'SENTINEL-2'"
    page = (await visitor.search(hub, filter=text, orderby=ORDER, top="4", count="true")).json()
    link = page["@odata.nextLink"]
    assert link.startswith(f"{hub.catalogue_url}/Products?%24filter=Collection%2FName+eq+%27")
    assert dict(parse_qsl(urlsplit(link).query)) == {
        "$filter": text, "$orderby": ORDER, "$top": "4", "$count": "true", "$skip": "4",
    }  # fmt: skip
    last = (await visitor.get(link)).json()
    assert page["@odata.count"] == last["@odata.count"] == 6
    assert "@odata.nextLink" not in last
    names = [row["Name"] for row in page["value"] + last["value"]]
    assert len(set(names)) == 6
    assert names == sorted(names, key=lambda name: name[11:26])


async def test_twenty_rows_are_sent_when_no_number_is_asked_for(
    visitor: Visitor, hub_factory: HubFactory
) -> None:
    """The default of `$top` is 20, and no count is sent."""
    hub = await hub_factory(SyntheticCatalogue(50))
    page = (await visitor.search(hub)).json()
    assert len(page["value"]) == 20
    assert "@odata.count" not in page


async def test_links_stop_where_the_next_skip_would_be_too_large(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Rows beyond `$skip` 10000 + 1000 cannot be reached by paging."""
    hub = await hub_factory(SyntheticCatalogue(20_000))
    near = (await visitor.search(hub, orderby=ORDER, top="1000", skip="9000")).json()
    assert "$skip=10000" in near["@odata.nextLink"].replace("%24", "$")
    end = (await visitor.get(near["@odata.nextLink"])).json()
    assert len(end["value"]) == 1000
    assert "@odata.nextLink" not in end


@pytest.mark.parametrize(
    ("option", "value", "kind", "bound"),
    [
        ("skip", "10001", "less_than_equal", {"le": 10000}),
        ("top", "1001", "less_than_equal", {"le": 1000}),
        ("skip", "-1", "greater_than_equal", {"ge": 0}),
    ],
)
async def test_paging_beyond_the_limits_is_refused(
    hub_factory: HubFactory, visitor: Visitor, option: str, value: str, kind: str, bound: object
) -> None:
    """422 with the documented body."""
    reply = await visitor.search(await hub_factory(), **{option: value})
    (problem,) = reply.json()["detail"]
    assert reply.status == 422
    assert problem["type"] == kind
    assert problem["loc"] == ["query", f"${option}"]
    assert problem["input"] == value
    assert problem["ctx"] == bound


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "Name eq"},
        {"filter": "Collection/Name eq 'Sentinel2'"},
        {"filter": "OData.CSC.Intersects(area=geography'SRID=4326;POLYGON((0 0,1 1,1 0))')"},
        {"orderby": "Name asc"},
        {"orderby": "ContentDate/Start sideways"},
        {"select": "Nme"},
        {"expand": "Nodes"},
        {"count": "perhaps"},
    ],
)
async def test_options_that_mean_nothing_are_refused(
    hub_factory: HubFactory, visitor: Visitor, options: dict[str, str]
) -> None:
    """400 with a message and a request id."""
    reply = await visitor.search(await hub_factory(), **options)
    assert reply.status == 400
    assert set(reply.json()["detail"]) == {"message", "request_id"}


async def test_without_an_order_pages_come_in_any_order(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """The same unordered search twice gives the same rows in different orders."""
    hub = await hub_factory()
    found = [
        tuple(row["Id"] for row in (await visitor.search(hub)).json()["value"]) for _ in range(8)
    ]
    assert len(set(found)) > 1
    assert len({frozenset(ids) for ids in found}) == 1


async def test_ties_are_broken_by_id(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Products with one ContentDate come in the order of their Ids."""
    hub = await hub_factory()
    for entry in hub.folder.entries:
        hub.folder.relist(entry.id, sensing_start="2024-06-01T00:00:00.000000Z")
    rows = (await visitor.search(hub, orderby="ContentDate/Start desc")).json()["value"]
    assert [row["Id"] for row in rows] == sorted(row["Id"] for row in rows)


async def test_selected_members_only_are_sent(hub_factory: HubFactory, visitor: Visitor) -> None:
    """`$select` keeps the server's order and always has the Id."""
    hub = await hub_factory()
    rows = (await visitor.search(hub, select="Online, Name", top="1")).json()["value"]
    assert list(rows[0]) == ["@odata.mediaContentType", "Id", "Name", "Online"]


async def test_one_product_is_looked_up_by_its_id(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """A bare object for a known id; 404 for others; 422 for what is no UUID."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    found = (await visitor.get(f"{hub.catalogue_url}/Products({entry.id})")).json()
    assert found["@odata.context"] == "$metadata#Products/$entity"
    assert found["Name"] == entry.name
    unknown = entry.id[:-4] + "0000"
    assert (await visitor.get(f"{hub.catalogue_url}/Products({unknown})")).status == 404
    assert (await visitor.get(f"{hub.catalogue_url}/Products('{entry.id}')")).status == 422


async def test_names_are_looked_up_in_bulk(hub_factory: HubFactory, visitor: Visitor) -> None:
    """Known names are answered, unknown ones silently left out, other bodies refused."""
    hub = await hub_factory()
    wanted = [entry.name for entry in hub.folder.entries[:3]]
    url = f"{hub.catalogue_url}/Products/OData.CSC.FilterList"
    body = {"FilterProducts": [{"Name": name} for name in [*wanted, "unknown.SAFE"]]}
    found = (await visitor.request("POST", url, json=body)).json()["value"]
    assert {row["Name"] for row in found} == set(wanted)
    assert (await visitor.request("POST", url, json={"Names": wanted})).status == 422


async def test_attributes_of_a_collection_are_listed(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Every attribute a product has is registered with its type; unknown collections are 404."""
    hub = await hub_factory()
    listed = (await visitor.get(f"{hub.catalogue_url}/Attributes(SENTINEL-2)")).json()
    types = {one["Name"]: one["ValueType"] for one in listed}
    for attribute in hub.folder.entries[0].attributes:
        if attribute.name not in ("beginningDateTime", "endingDateTime"):
            assert types[attribute.name] == attribute.type
    assert (await visitor.get(f"{hub.catalogue_url}/Attributes(SENTINEL-9)")).status == 404


async def test_a_deleted_product_leaves_a_tombstone(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """It is gone from search and lookup and found among the deleted ones with its cause."""
    hub = await hub_factory()
    gone = hub.folder.entries[2]
    hub.folder.delete(gone.id, "Corrupted product")
    assert (await visitor.get(f"{hub.catalogue_url}/Products({gone.id})")).status == 404
    assert len((await visitor.search(hub)).json()["value"]) == 5
    text = f"Name eq '{gone.name}' and DeletionCause eq 'Corrupted product'"
    found = (await visitor.search(hub, "DeletedProducts", filter=text)).json()
    assert [row["Id"] for row in found["value"]] == [gone.id]
    assert "Online" not in found["value"][0]


async def test_a_quicklook_is_served_without_a_token(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """The asset's link leads to a JPEG."""
    hub = await hub_factory()
    row = (await visitor.search(hub, top="1", expand="Assets")).json()["value"][0]
    reply = await visitor.get(row["Assets"][0]["DownloadLink"])
    assert reply.headers["Content-Type"] == "image/jpeg"
    assert reply.body[:3] == b"\xff\xd8\xff"
    assert reply.body[-2:] == b"\xff\xd9"


async def test_the_catalogue_sends_downloads_to_the_download_host(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """301 to another origin."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    reply = await visitor.get(f"{hub.catalogue_url}/Products({entry.id})/$value")
    assert reply.status == 301
    assert reply.headers["Location"] == f"{hub.download_url}/Products({entry.id})/$value"


async def test_a_filter_reaches_the_hub_as_it_was_written(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """An offset with an encoded plus is read as one."""
    hub = await hub_factory()
    text = "ContentDate/Start ge 2024-06-10T02:00:00+02:00"
    found = (await visitor.search(hub, filter=text)).json()["value"]
    expected = parse_filter(text)
    assert isinstance(expected, Comparison)
    assert 0 < len(found) < 6
    assert all(row["ContentDate"]["Start"] >= "2024-06-10T00:00:00.000000Z" for row in found)


async def test_a_relisted_product_is_shown_as_told(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """The catalogue can lie: no length, no checksum, a name nobody should use."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    hub.folder.relist(entry.id, content_length=0, md5="", blake3="", name="../../x\0")
    row = (await visitor.get(f"{hub.catalogue_url}/Products({entry.id})")).json()
    assert (row["ContentLength"], row["Checksum"], row["Name"]) == (0, [], "../../x\0")


async def test_unknown_paths_are_not_found(hub_factory: HubFactory, visitor: Visitor) -> None:
    """404 with a JSON body."""
    reply = await visitor.get(f"{(await hub_factory()).catalogue_url}/Productz")
    assert reply.status == 404
    assert msgspec.json.decode(reply.body)
