"""What each line of the README's table has to select, and what it must not.

Where the other program sends a query, it is here as that program writes it, and has to find the
same: a second opinion on what the line means.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from s2fetch.embedded.entry import Entry
from tests.equivalents.products import (
    AROUND,
    CORNER,
    ELSEWHERE,
    TRIANGLE,
    at,
    gas,
    optical,
    radar,
)

ID = "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
AREA = {
    "type": "Polygon",
    "coordinates": [[[11, 46], [12, 46], [11, 47], [11, 46]]],
}
OF_S2 = "Collection/Name eq 'SENTINEL-2'"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a line is tried with.

    Attributes:
        wanted: What has to be selected, in the order it is listed.
        misses: What nearly matches.
        beyond: What matches too, and is left out by a limit.
        solr: What the other program asks a hub's index, if it does.
        odata: What it asks the catalogue, if it does.
        files: What lies beside.
        paths: Where the products go, when not beside each other.
        later: What is published before the line is run again, and found then.
    """

    wanted: tuple[Entry, ...]
    misses: tuple[Entry, ...]
    beyond: tuple[Entry, ...] = ()
    solr: str = ""
    odata: str = ""
    files: Mapping[str, str] = {}
    paths: tuple[str, ...] = ()
    later: tuple[Entry, ...] = ()


def cases(now: datetime) -> Mapping[str, Case]:
    """A case for each line, by words that only this line has in its first cell."""
    return {words: make(now) for words, make in _CASES.items()}


def _area_and_period(now: datetime) -> Case:
    return Case(
        wanted=(
            optical(at("2018-08-01T00:00:00"), cloud=5.0),
            optical(at("2018-08-09T23:59:59")),
            optical(at("2018-08-05T10:10:21"), cloud=0.0, place=AROUND),
        ),
        misses=(
            optical(at("2018-07-31T23:59:59")),
            optical(at("2018-08-10T10:10:21")),
            optical(at("2018-08-02T10:10:21"), cloud=5.1),
            optical(at("2018-08-03T10:10:21"), cloud=None),
            optical(at("2018-08-04T10:10:21"), kind="S2MSI2A"),
            optical(at("2018-08-05T10:20:21"), place=CORNER),
            optical(at("2018-08-06T10:10:21"), place=ELSEWHERE),
        ),
        solr="beginPosition:[2018-08-01T00:00:00Z TO 2018-08-10T00:00:00Z] "
        'cloudcoverpercentage:["0" TO "5"] platformname:"Sentinel-2" producttype:"S2MSI1C" '
        f'footprint:"Intersects({TRIANGLE})"',
        files={"area.geojson": json.dumps(AREA)},
    )


def _orbit_direction(now: datetime) -> Case:
    plain = _area_and_period(now)
    ascending = optical(at("2018-08-07T10:10:21"), direction="ASCENDING")
    return msgspec.structs.replace(
        plain,
        misses=(*plain.misses, ascending),
        solr=f"{plain.solr} orbitdirection:Descending",
    )


def _newest_radar(now: datetime) -> Case:
    return Case(
        wanted=tuple(radar(now - (n + 1) * 12 * HOUR) for n in range(10)),
        misses=(
            radar(now - 7 * DAY - HOUR),
            radar(now + HOUR),
            radar(now - HOUR, polarisation="SV"),
            radar(now - HOUR, polarisation="DH"),
            radar(now - HOUR, kind="IW_GRDH_1S"),
            optical(now - HOUR),
        ),
        solr="beginPosition:[NOW-7DAYS TO NOW] platformname:Sentinel-1 producttype:SLC "
        'polarisationmode:"VV VH"',
    )


def _footprints(now: datetime) -> Case:
    wanted = (optical(at("2018-08-01T10:10:21")), radar(at("2018-08-02T05:00:00")))
    features = [
        {
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [11, 46]},
            "properties": {
                "title": entry.name.removesuffix(".SAFE"),
                "identifier": entry.name.removesuffix(".SAFE"),
                "filename": entry.name,
                "link": f"https://hub.example.org/odata/v1/Products('{ID}')/$value",
                "uuid": ID,
                "id": ID,
            },
        }
        for number, entry in enumerate(wanted)
    ]
    listed = json.dumps({"type": "FeatureCollection", "features": features})
    return Case(
        wanted=wanted,
        misses=(optical(at("2018-08-03T10:10:21")),),
        files={"search_footprints.geojson": listed},
    )


def _name(now: datetime) -> Case:
    sensed = at("2018-08-01T10:10:21")
    return Case(
        wanted=(optical(sensed),),
        misses=(optical(sensed, tile="32TPM"), optical(sensed, kind="S2MSI2A")),
        solr="identifier:S2A_MSIL1C_20180801T101021_N0206_R022_T32TQM_20180801T141021",
    )


def _pattern(now: datetime) -> Case:
    return Case(
        wanted=(optical(at("2018-08-01T10:10:21")), optical(at("2018-08-31T23:59:59"))),
        misses=(
            optical(at("2018-09-01T00:00:00")),
            optical(at("2018-08-02T10:10:21"), tile="32TPM"),
            optical(at("2018-08-03T10:10:21"), unit="B"),
            optical(at("2018-08-04T10:10:21"), kind="S2MSI2A"),
        ),
        solr="identifier:S2A_MSIL1C_201808*_T32TQM_*",
    )


def _identifier(now: datetime) -> Case:
    wanted = msgspec.structs.replace(optical(at("2018-08-01T10:10:21")), id=ID)
    near = f"{ID[:-1]}c"
    other = msgspec.structs.replace(optical(at("2018-08-02T10:10:21")), id=near)
    return Case(wanted=(wanted,), misses=(other,), solr=f"uuid:{ID}")


def _contains(now: datetime) -> Case:
    return Case(
        wanted=(
            optical(now - 26 * DAY, place=AROUND, cloud=30.0, kind="S2MSI2A"),
            optical(now - HOUR, place=AROUND, cloud=0.0),
        ),
        misses=(
            optical(now - 2 * HOUR),
            optical(now - 3 * HOUR, place=CORNER),
            optical(now - 4 * HOUR, place=AROUND, cloud=30.1),
            optical(now - 32 * DAY, place=AROUND),
            radar(now - 5 * HOUR, place=AROUND),
        ),
        solr="beginPosition:[NOW-1MONTH TO NOW] cloudcoverpercentage:[0 TO 30] "
        f'platformname:Sentinel-2 footprint:"Contains({TRIANGLE})"',
    )


def _count(now: datetime) -> Case:
    old = now - 1000 * DAY
    return Case(
        wanted=(
            optical(old, kind="S2MSI2A", published=now - 23 * HOUR),
            optical(now - 8 * HOUR, kind="S2MSI2A", published=now - HOUR),
        ),
        misses=(
            optical(old - DAY, kind="S2MSI2A", published=now - 25 * HOUR),
            optical(now - 9 * HOUR, published=now - HOUR),
            radar(now - 9 * HOUR, published=now - HOUR),
        ),
        solr="ingestiondate:[NOW-1DAY TO NOW] platformname:Sentinel-2 producttype:S2MSI2A",
    )


def _least_cloudy(now: datetime) -> Case:
    clouds = (0.0, 0.75, 2.5, 9.0, 10.0, 11.5, 100.0)
    by_cloud = [
        optical(at("2018-08-01T10:10:21") + (n * 7 % 13) * DAY, cloud=c)
        for n, c in enumerate(clouds)
    ]
    return Case(
        wanted=tuple(by_cloud[:5]),
        beyond=tuple(by_cloud[5:]),
        misses=(
            optical(at("2018-09-01T10:10:21"), cloud=None),
            optical(at("2018-09-02T10:10:21"), cloud=0.0, tile="32TPM"),
        ),
        solr="cloudcoverpercentage:[0 TO 100] filename:*_T32TQM_*",
    )


def _last_hours(now: datetime) -> Case:
    return Case(
        wanted=(
            optical(now - 500 * DAY, published=now - 23 * HOUR),
            optical(now - 8 * HOUR, published=now - HOUR, place=CORNER, cloud=None),
        ),
        misses=(
            optical(now - 30 * HOUR, published=now - 25 * HOUR),
            optical(now - 9 * HOUR, published=now - HOUR, place=ELSEWHERE),
            optical(now - 9 * HOUR, published=now - HOUR, kind="S2MSI2A"),
        ),
        solr="ingestiondate:[NOW-24HOURS TO NOW] AND platformname:Sentinel-2 AND "
        'producttype:S2MSI1C AND footprint:"Intersects(POLYGON((12.5 47,11 47,11 46,12.5 46,'
        '12.5 47)))"',
    )


def _two_periods(now: datetime) -> Case:
    sensed, published = at("2018-08-01T05:00:00"), at("2018-08-02T05:00:00")
    return Case(
        wanted=(
            radar(at("2018-08-01T00:00:00"), published=at("2018-08-02T00:00:00")),
            radar(sensed, published=published),
            radar(at("2018-08-01T23:59:59"), published=at("2018-08-02T23:59:59")),
        ),
        misses=(
            radar(sensed + HOUR, published=at("2018-08-03T00:00:01")),
            radar(sensed + 2 * HOUR, published=at("2018-08-01T23:59:59")),
            radar(at("2018-08-02T00:00:01"), published=published),
            radar(at("2018-07-31T23:59:59"), published=published),
            optical(sensed, published=published),
        ),
        solr="platformname:Sentinel-1 AND instrumentshortname:SAR-C SAR AND "
        "ingestiondate:[2018-08-02T00:00:00.000Z TO 2018-08-03T00:00:00.000Z] AND "
        "beginPosition:[2018-08-01T00:00:00.000Z TO 2018-08-02T00:00:00.000Z]",
    )


def _reprocessed_gas(now: datetime) -> Case:
    noon = at("2018-06-01T12:00:00")
    return Case(
        wanted=(
            gas(at("2018-06-01T00:00:00"), stream="RPRO"),
            gas(at("2018-06-01T23:00:00"), stream="RPRO", orbit=3335),
        ),
        misses=(
            gas(noon),
            gas(noon, stream="RPRO", kind="L2__CO____"),
            gas(noon, stream="RPRO", place=(50.0, 0.0, 60.0, 10.0)),
            gas(at("2018-05-31T23:59:59"), stream="RPRO"),
            gas(at("2018-06-02T00:00:01"), stream="RPRO"),
        ),
        solr="beginPosition:[2018-06-01T00:00:00.000Z TO 2018-06-02T00:00:00.000Z] AND "
        'footprint:"Intersects(POLYGON((-30 30,45 30,45 76,-30 76,-30 30)))" AND '
        "platformname:Sentinel-5 AND producttype:L2__NO2___ AND processinglevel:L2 AND "
        "processingmode:Reprocessing",
    )


def _free_query(now: datetime) -> Case:
    noon = at("2018-06-01T12:00:00")
    matching = tuple(gas(noon + n * 2 * HOUR, orbit=3322 + n) for n in range(103))
    return Case(
        wanted=matching[:100],
        beyond=matching[100:],
        misses=(gas(noon, stream="NRTI"), gas(noon, kind="L2__CO____"), optical(noon)),
        solr="platformname:Sentinel-5 AND producttype:L2__NO2___ AND processingmode:Offline",
    )


def _products_list(now: datetime) -> Case:
    wanted = (optical(at("2018-08-01T10:10:21")), radar(at("2018-08-02T05:00:00")))
    lines = (
        f"{entry.name.removesuffix('.SAFE')},https://hub.example.org/dhus/odata/v1/"
        f"Products('{ID}')/$value\n"
        for entry in wanted
    )
    return Case(
        wanted=wanted,
        misses=(optical(at("2018-08-03T10:10:21")),),
        files={"products-list.csv": "".join(lines)},
    )


def _again_and_again(now: datetime) -> Case:
    old = at("2018-08-01T10:10:21")
    return Case(
        wanted=(optical(old), optical(now - DAY)),
        misses=(optical(old, kind="S2MSI2A"), radar(old)),
        solr="platformname:Sentinel-2 AND producttype:S2MSI1C",
        later=(optical(old - DAY, published=now + timedelta(seconds=1)),),
    )


def _inquiry(now: datetime) -> Case:
    return Case(
        wanted=(
            gas(at("2018-06-01T00:00:00")),
            gas(at("2018-06-02T22:19:00"), orbit=3350),
        ),
        misses=(
            gas(at("2018-05-31T23:59:59")),
            gas(at("2018-06-02T22:19:01"), orbit=3350),
            gas(at("2018-06-01T12:00:00"), stream="NRTI"),
            gas(at("2018-06-01T12:00:00"), kind="L2__CO____"),
            gas(at("2018-06-01T12:00:00"), place=(50.0, 0.0, 60.0, 10.0)),
        ),
        solr="beginPosition:[2018-06-01T00:00:00.000Z TO 2018-06-03T00:00:00.000Z] AND "
        "endPosition:[2018-06-01T00:00:00.000Z TO 2018-06-03T00:00:00.000Z] AND "
        'footprint:"Intersects(POLYGON((-30 30,45 30,45 76,-30 76,-30 30)))" AND '
        "(producttype:L2__NO2___ AND processingmode:Offline)",
    )


def _first_wins(now: datetime) -> Case:
    one, two, three = (at(f"2018-06-0{n}T10:00:00") for n in (1, 1, 2))
    two += 3 * HOUR
    wanted = (
        gas(one, stream="RPRO", orbit=3300),
        gas(two, stream="OFFL", orbit=3302),
        gas(three, stream="NRTI", orbit=3316),
    )
    return Case(
        wanted=wanted,
        misses=(
            gas(one, stream="OFFL", orbit=3300),
            gas(one, stream="NRTI", orbit=3300),
            gas(two, stream="NRTI", orbit=3302),
            gas(at("2018-05-31T23:00:00"), stream="RPRO", orbit=3290),
            gas(at("2018-06-03T00:00:01"), stream="RPRO", orbit=3330),
            gas(one, stream="RPRO", orbit=3300, kind="L2__CO____"),
        ),
        paths=tuple(f"2018/06/{entry.name}" for entry in wanted),
    )


def _inquire_table(now: datetime) -> Case:
    wanted = (gas(at("2018-06-01T10:00:00")), gas(at("2018-06-01T11:41:00"), orbit=3323))
    header = "orbit;start_time;end_time;processing;collection;processor_version;filename;href\n"
    rows = (
        f"{entry.name[52:57]};2018-06-01 10:00:00;2018-06-01 11:41:00;OFFL;01;010002;{entry.name};"
        f"https://hub.example.org/odata/v1/Products('{ID}')/$value\n"
        for entry in wanted
    )
    return Case(
        wanted=wanted,
        misses=(gas(at("2018-06-01T13:22:00"), orbit=3324),),
        files={"inquire.csv": header + "".join(rows)},
    )


def _scenes(now: datetime) -> Case:
    return Case(
        wanted=(
            optical(at("2024-06-01T00:00:01"), kind="S2MSI2A", cloud=20.0, place=CORNER),
            optical(at("2024-06-30T23:59:59"), kind="S2MSI2A"),
        ),
        misses=(
            optical(at("2024-05-31T23:59:59"), kind="S2MSI2A"),
            optical(at("2024-07-01T00:00:01"), kind="S2MSI2A"),
            optical(at("2024-06-02T10:10:21"), kind="S2MSI2A", cloud=20.1),
            optical(at("2024-06-03T10:10:21"), kind="S2MSI1C"),
            optical(at("2024-06-04T10:10:21"), kind="S2MSI2A", place=ELSEWHERE),
        ),
        odata=f"{OF_S2} and OData.CSC.Intersects(area=geography'SRID=4326;POLYGON((11 47,12.5 47,"
        "12.5 46,11 46,11 47))') and ContentDate/Start gt 2024-06-01T00:00:00.000Z and "
        f"ContentDate/End lt 2024-07-01T00:00:00.000Z and {_cloud(20)} and {_type('S2MSI2A')}",
    )


def _kept_scenes(now: datetime) -> Case:
    wanted = (optical(at("2024-06-01T10:10:21")), optical(at("2024-06-02T10:10:21")))
    rows = [{"Id": entry.id, "Name": entry.name, "Locations": []} for entry in wanted]
    return Case(
        wanted=wanted,
        misses=(optical(at("2024-06-03T10:10:21")),),
        files={"scns.json": json.dumps(rows, indent=2)},
    )


def _features(now: datetime) -> Case:
    return Case(
        wanted=(
            optical(at("2024-06-01T00:00:00"), cloud=None),
            optical(at("2024-06-30T23:59:59"), cloud=100.0, place=AROUND),
        ),
        misses=(
            optical(at("2024-05-31T23:59:59")),
            optical(at("2024-07-01T00:00:01")),
            optical(at("2024-06-02T10:10:21"), kind="S2MSI2A"),
            optical(at("2024-06-03T10:10:21"), place=CORNER),
        ),
        files={"area.geojson": json.dumps(AREA)},
    )


def _in_march(now: datetime) -> Case:
    here = (1.5, 43.5, 2.5, 44.5)
    return Case(
        wanted=(
            optical(at("2021-03-01T00:00:01"), place=here),
            optical(at("2021-03-30T23:59:59"), place=here, cloud=20.0),
        ),
        misses=(
            optical(at("2021-02-28T23:59:59"), place=here),
            optical(at("2021-03-31T10:10:21"), place=here),
            optical(at("2021-03-02T10:10:21"), place=here, cloud=20.5),
            optical(at("2021-03-03T10:10:21"), place=here, kind="S2MSI2A"),
            optical(at("2021-03-04T10:10:21"), place=(2.1, 44.1, 3.0, 45.0)),
        ),
        odata=f"{OF_S2} and OData.CSC.Intersects(area=geography'SRID=4326;POLYGON ((1 43, 1 44, "
        f"2 44, 2 43, 1 43))') and {_type('S2MSI1C')} and {_cloud(20)} and ContentDate/Start lt "
        "2021-03-31T00:00:00.000Z and ContentDate/End gt 2021-03-01T00:00:00.000Z",
    )


def _overlaps(now: datetime) -> Case:
    """A tenth of the product, or of the area."""
    return Case(
        wanted=(
            optical(at("2021-03-01T10:10:21"), place=(1.9, 43.2, 2.9, 43.8)),
            optical(at("2021-03-02T10:10:21"), place=(1.85, 43.0, 5.0, 44.0)),
            optical(at("2021-03-03T10:10:21"), place=(1.2, 43.2, 1.3, 43.3)),
        ),
        misses=(
            optical(at("2021-03-04T10:10:21"), place=(1.92, 43.2, 2.92, 43.8)),
            optical(at("2021-03-05T10:10:21"), place=(2.0, 43.0, 3.0, 44.0)),
        ),
    )


def _search_results(now: datetime) -> Case:
    wanted = (optical(at("2021-03-01T10:10:21")), optical(at("2021-03-02T10:10:21")))
    features = [
        {
            "type": "Feature",
            "id": entry.name.removesuffix(".SAFE"),
            "geometry": {"type": "Point", "coordinates": [1.5, 43.5]},
            "properties": {
                "id": entry.name.removesuffix(".SAFE"),
                "title": entry.name.removesuffix(".SAFE"),
                "eodag_provider": "cop_dataspace",
                "uid": entry.id,
            },
        }
        for entry in wanted
    ]
    listed = json.dumps({"type": "FeatureCollection", "features": features})
    return Case(
        wanted=wanted,
        misses=(optical(at("2021-03-03T10:10:21")),),
        files={"search_results.geojson": listed},
    )


def _overlapping(now: datetime) -> Case:
    return Case(
        wanted=(
            gas(at("2018-06-01T10:19:01"), orbit=3320),
            gas(at("2018-06-01T12:10:00"), orbit=3321, minutes=5),
            gas(at("2018-06-01T12:59:59"), orbit=3322, stream="RPRO"),
        ),
        misses=(
            gas(at("2018-06-01T10:19:00"), orbit=3320, stream="RPRO"),
            gas(at("2018-06-01T13:00:00"), orbit=3322),
            gas(at("2018-06-01T12:10:00"), kind="L2__CO____"),
        ),
        odata=f"Collection/Name eq 'SENTINEL-5P' and {_type('L2__NO2___')} and "
        "ContentDate/Start lt 2018-06-01T13:00:00.000Z and "
        "ContentDate/End gt 2018-06-01T12:00:00.000Z",
    )


def _type(name: str) -> str:
    kind = "OData.CSC.StringAttribute"
    return f"Attributes/{kind}/any(att:att/Name eq 'productType' and att/{kind}/Value eq '{name}')"


def _cloud(most: int) -> str:
    kind = "OData.CSC.DoubleAttribute"
    return f"Attributes/{kind}/any(att:att/Name eq 'cloudCover' and att/{kind}/Value le {most})"


_CASES: Mapping[str, Callable[[datetime], Case]] = {
    "--sentinel 2 --producttype S2MSI1C --cloud 5": _area_and_period,
    "orbitdirection=Descending": _orbit_direction,
    "polarisationmode=VV VH": _newest_radar,
    "--footprints": _footprints,
    "--name S2A_MSIL1C_20180801": _name,
    '--name "S2A_MSIL1C_201808*': _pattern,
    "--uuid": _identifier,
    'area_relation="Contains"': _contains,
    "api.count(": _count,
    "sort_values(": _least_cloudy,
    "-t 24": _last_hours,
    '-i "SAR-C SAR"': _two_periods,
    "processingmode:Reprocessing": _reprocessed_gas,
    "-l 100 -C": _free_query,
    "then that list": _products_list,
    "-f last-run.txt": _again_and_again,
    "CSO_SciHub_Inquire": _inquiry,
    "CSO_SciHub_Listing": _first_wins,
    "an inquire table": _inquire_table,
    "query_scn_lst(RSGIS_ODATA_SEN2": _scenes,
    "kept as JSON": _kept_scenes,
    "query_features(": _features,
    "--productType S2_MSI_L1C": _in_march,
    "minimum_overlap": _overlaps,
    "eodag download": _search_results,
    "S5P_L2_NO2": _overlapping,
}
