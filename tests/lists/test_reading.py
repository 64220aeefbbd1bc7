"""Lists that people hand on: what others wrote, what was edited, what is broken."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s2fetch.errors import QueryError
from s2fetch.export import make_form
from s2fetch.lists import STDIN, ProductList, read_list, read_names
from tests.export.made import sentinel_2, url_of

FIRST = "S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212"
SECOND = "S2B_MSIL1C_20240603T100559_N0510_R022_T32TPM_20240603T121212"
NO2 = "S5P_OFFL_L2__NO2____20180604T110554_20180604T124721_03322_01_010002_20180610T125300"
ID = "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"

SENTINELSAT = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [11, 46]},
            "properties": {
                "title": name,
                "link": f"https://hub.example/odata/v1/Products('{ID}')/$value",
                "identifier": name,
                "filename": f"{name}.SAFE",
                "cloudcoverpercentage": 4.5,
                "ondemand": "false",
                "uuid": ID,
                "id": ID,
                "beginposition": "2024-06-01T10:10:31.024000Z",
            },
        }
        for number, name in enumerate([FIRST, SECOND])
    ],
}
CSO = f"""\
orbit;start_time;end_time;processing;collection;processor_version;filename;href
03322;2018-06-04 11:05:54;2018-06-04 12:47:21;OFFL;01;010002;{NO2}.nc;https://hub.example/odata/v1/Products('{ID}')/$value
03322;2018-06-04 11:05:54;2018-06-04 12:47:21;RPRO;02;020400; {NO2.replace("OFFL", "RPRO")}.nc ;s3://eodata/Sentinel-5P/x
"""
CSO_LISTING = f"""\
filename                                   ;mission;processing;product_id;start_time
2018/06/{NO2}.nc;S5P;OFFL;L2__NO2___;2018-06-04T11:05:54
"""


def listed(tmp_path: Path, content: str | bytes) -> ProductList:
    """What is read from a file with this content."""
    path = tmp_path / "list.any"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_list(path)


def test_footprints_that_sentinelsat_wrote_are_a_list(tmp_path: Path) -> None:
    """With the extension its identifiers lack."""
    found = listed(tmp_path, json.dumps(SENTINELSAT))
    assert found == ProductList((f"{FIRST}.SAFE", f"{SECOND}.SAFE"))


def test_an_identifier_is_enough_where_sentinelsat_has_no_filename(tmp_path: Path) -> None:
    """As its consumers read it."""
    old = json.loads(json.dumps(SENTINELSAT))
    for feature in old["features"]:
        feature["properties"] = {"identifier": feature["properties"]["identifier"]}
    assert listed(tmp_path, json.dumps(old)).names == (f"{FIRST}.SAFE", f"{SECOND}.SAFE")


def test_what_sentinelsat_printed_is_a_list(tmp_path: Path) -> None:
    """By identifiers, of the hub that it asked; the lines around them are no products."""
    ids = ("5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b", "6d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b")
    lines = [
        f"Product {one} - Date: 2018-08-01T10:10:21Z, Instrument: MSI, Mode: , "
        "Satellite: Sentinel-2, Size: 701.33 MB"
        for one in ids
    ]
    around = ("Found 2 products", "---", "2 scenes found with a total size of 1.37 GB")
    found = listed(tmp_path, "\n".join((around[0], *lines, *around[1:], "")))
    assert found == ProductList(ids=ids)


def test_an_inquiry_of_cso_is_a_list(tmp_path: Path) -> None:
    """Its file names, padded or not; links lead to other hubs and do not count."""
    found = listed(tmp_path, CSO)
    assert found == ProductList((f"{NO2}.nc", f"{NO2.replace('OFFL', 'RPRO')}.nc"))


def test_a_listing_of_cso_is_a_list(tmp_path: Path) -> None:
    """Without the folders its files are in."""
    assert listed(tmp_path, CSO_LISTING).names == (f"{NO2}.nc",)


def test_deleted_features_are_not_fetched(tmp_path: Path) -> None:
    """Somebody looked at a map, took some away, and saved it as GIS programs do."""
    form = make_form("geojson", url_of)
    rows = [form.row(sentinel_2(name=f"{name}.SAFE")) for name in (FIRST, SECOND)]
    held = json.loads(form.head + "".join(rows) + form.tail)
    del held["features"][0]
    edited = {"type": "FeatureCollection", "name": "found", "crs": {"type": "name"}} | held
    assert listed(tmp_path, json.dumps(edited, indent=2)).names == (f"{SECOND}.SAFE",)


@pytest.mark.parametrize("form_name", ["geojson", "stac"])
@pytest.mark.parametrize("deleted", [0, 1])
def test_deleted_lines_are_not_fetched(tmp_path: Path, form_name: str, deleted: int) -> None:
    """Every feature is a line of its own; without the last one a comma is left over."""
    form = make_form(form_name, url_of)
    names = (FIRST, SECOND)
    rows = [form.row(sentinel_2(name=f"{name}.SAFE")) for name in names]
    lines = (form.head + "".join(rows) + form.tail).splitlines(keepends=True)
    edited = [line for line in lines if names[deleted] not in line]
    assert listed(tmp_path, "".join(edited)).names == (f"{names[1 - deleted]}.SAFE",)


def test_deleted_rows_are_not_fetched(tmp_path: Path) -> None:
    """The same in a spreadsheet, which writes semicolons, a byte order mark and CR LF."""
    table = f"\ufeffid;Name;size\r\n{ID};{SECOND}.SAFE;800\r\n\r\n"
    assert listed(tmp_path, table).names == (f"{SECOND}.SAFE",)


@pytest.mark.parametrize(
    ("content", "names", "ids"),
    [
        (f"{FIRST}\n{SECOND}.SAFE.zip\n", (FIRST, SECOND), ()),
        (f"# mine\n\n  {FIRST}.zip  \n{FIRST}\n", (FIRST,), ()),
        (f"\t# {FIRST}\n#\t{FIRST}\n{SECOND}\n", (SECOND,), ()),
        (f"\t#\t{FIRST}.SAFE\tx\n", (FIRST,), ()),
        (f"\t[\t{FIRST}.SAFE\tx\n", (FIRST,), ()),
        (f"\tname\t{FIRST}.SAFE\tx\n", (FIRST,), ()),
        (f"{FIRST}.SAFE\t800\t2024\t\tonline\t{ID}\n", (FIRST,), ()),
        (f"800\t{ID}\n", (), (ID,)),
        (f"{ID.upper()}\n", (), (ID,)),
        (f"https://a.example/odata/v1/Products({ID})/$value\n", (), (ID,)),
        (f"s3://eodata/Sentinel-2/MSI/L1C/2024/06/01/{FIRST}.SAFE/manifest.safe", (FIRST,), ()),
        (f"https://a.example/{FIRST}.zip?token=x", (FIRST,), ()),
        (f"name\n{FIRST}\n", (FIRST,), ()),
        (f'"id","size"\n"{ID}",""\n', (), (ID,)),
        (f'{{"id":"{ID}","size":1}}\n{{"name":"{FIRST}"}}\n', (FIRST,), (ID,)),
        (f'{{"name":"{FIRST}"}}', (FIRST,), ()),
        (f'{{"type":"Feature","properties":{{"name":"{FIRST}"}}}}', (FIRST,), ()),
        (f'{{"stac_version":"1.0.0","id":"{FIRST}","properties":{{}}}}', (FIRST,), ()),
        (
            (
                '{"stac_version":"1.0.0","id":"LC08_X","assets":{"a":{"href":"s3://x"},"p":{"href":'
                f'"https://a.example/Products({ID})/$value"}}}}}}'
            ),
            (),
            (ID,),
        ),
        ("LC08_L1TP_192027_20240601\n", ("LC08_L1TP_192027_20240601",), ()),
        (f"{FIRST},https://hub.example/odata/v1/Products('{ID}')/$value\n", (FIRST,), ()),
        (f"{ID} : {FIRST}\n", (FIRST,), ()),
        (f" x {ID} x {FIRST}\n", (FIRST,), ()),
        (f'[{{"Name":"{FIRST}.SAFE","Id":"{ID}"}},{{"name":"{SECOND}"}}]', (FIRST, SECOND), ()),
        (f'{{"@odata.context":"x","value":[{{"Id":"{ID}"}}]}}', (), (ID,)),
        (f'{{"value":[{{"Id":"{ID}","Name":"{FIRST}.SAFE"}}]}}', (FIRST,), ()),
    ],
)
def test_a_list_is_understood_from_what_is_in_it(
    tmp_path: Path, content: str, names: tuple[str, ...], ids: tuple[str, ...]
) -> None:
    """Names, identifiers, addresses; order is kept, repetitions are dropped."""
    found = listed(tmp_path, content)
    assert found.names == tuple(name if "LC08" in name else f"{name}.SAFE" for name in names)
    assert found.ids == ids


def test_parquet_of_others_is_a_list(tmp_path: Path) -> None:
    """As long as a column names products."""
    path = tmp_path / "others.parquet"
    pq.write_table(pa.table({"id": [FIRST, SECOND], "cloud": [1.0, 2.0]}), path)
    assert read_list(path).names == (f"{FIRST}.SAFE", f"{SECOND}.SAFE")
    pq.write_table(pa.table({"cloud": [1.0]}), path)
    with pytest.raises(QueryError, match=r"others\.parquet: it has no column name or id"):
        read_list(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no names"),
        ("# nothing\n", "holds no names"),
        ('{"type":"FeatureCollection","features":[]}', "holds no names"),
        ("id,name\n", "holds no names"),
        (f"{FIRST}\n../x\n", r"line 2: '\.\./x' is not a product's name"),
        (f"{FIRST}\nhttps://a.example/index.html\n", "line 2: .*not the address of a product"),
        ('{"type":"FeatureCollection","features":[\n{"type":"Fea', "line 2: the file ends in the"),
        (f'{{"name":"{FIRST}"}}\n{{"name":\n', "line 2: the file ends in the middle"),
        (f'{{"name":"{FIRST}"}}\n{{"nam\n{{}}\n', "line 2: "),
        ('{\n"features": [\n{"a":1}\n{"b":2}\n]}', "line 4: JSON is malformed"),
        ('{"features":{}}', "Expected `array`"),
        ("[]", "holds no names"),
        ('{"name":' + "[" * 5000, "it is nested too deeply"),
        ('{"value":[]}', "holds no names"),
        ('[{"name":', "line 1: the file ends in the middle"),
        ('{"features":[{"properties":{"name":"a*"}}]}', "feature 1: 'a\\*' is not a product's"),
        ('{"features":[{"properties":{"size":1}}]}', "feature 1: there is neither a name nor"),
        (f'{{"name":"{FIRST}"}}\n{{"size":1}}\n', "line 2: there is neither a name nor"),
        (f"id,name\n{ID},{FIRST}\n{ID}\n", "line 3: there are 1 cells instead of 2"),
        (f'id,name\n{ID},"{FIRST}\n{ID},{FIRST}\n', "line 3: it is no row of a table"),
        (f"id,name,size\n,,{FIRST}\n", "line 2: there is neither a name nor"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
        (b"\xff\xfe\x00", "line 1: it is not UTF-8"),
    ],
)
def test_a_broken_list_is_an_error_with_its_place(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """A part of it must not be taken for the whole."""
    with pytest.raises(QueryError, match=r"list\.any"):
        listed(tmp_path, content)
    with pytest.raises(QueryError, match=said):
        listed(tmp_path, content)


def test_a_file_of_names_is_not_taken_for_a_table(tmp_path: Path) -> None:
    """One on each line, whatever they are."""
    path = tmp_path / "names.txt"
    path.write_text(f"name\n{FIRST}\n")
    assert read_names(path).names == ("name", f"{FIRST}.SAFE")


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(QueryError, match=f"cannot read {path}"):
            read_list(path)


def test_a_list_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its mistakes are told as such."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{FIRST}\n".encode())))
    assert read_list(STDIN).names == (f"{FIRST}.SAFE",)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a/b\n")))
    with pytest.raises(QueryError, match="standard input, line 1"):
        read_list(STDIN)
