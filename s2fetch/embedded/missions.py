"""Products of every mission, with attributes like those of real ones.

Names follow the missions' naming conventions, attributes the catalogue's registry (Copernicus Data
Space documentation, OData). How the service names products of SENTINEL-1-RTC is not documented;
here they have the name of their source with a suffix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.mission_rows import MadeProduct, listed

_FIRST = datetime(2024, 6, 1, 5, 30, 12, 345_000, tzinfo=UTC)
_STEP = timedelta(hours=7, minutes=13, seconds=5)


def mission_products(each: int = 3) -> list[tuple[Entry, bytes]]:
    """Products of all missions, always the same ones: what a `FolderCatalogue` takes.

    Args:
        each: How many of every product type.
    """
    makers = (_sentinel_1, _sentinel_1_rtc, _sentinel_2, _sentinel_3, _sentinel_5p, _sentinel_6)
    return [
        listed(made) for maker in (*makers, _elevation, _smos) for made in _several(maker, each)
    ]


def _several(maker: Callable[[int], Iterator[MadeProduct]], each: int) -> Iterator[MadeProduct]:
    for number in range(each):
        yield from maker(number)


def _stamp(time: datetime) -> str:
    return f"{time:%Y%m%dT%H%M%S}"


def _check_letters(name: str, count: int) -> str:
    """What stands for a checksum in a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:count].upper()


def _place(number: int, size: float) -> tuple[float, float, float, float]:
    west, south = -10.0 + number * 4 % 40, 35.0 + number * 3 % 25
    return west, south, west + size, south + size


def _sentinel_1(number: int) -> Iterator[MadeProduct]:
    kinds = (
        ("IW_SLC__1S", "DV"),
        ("IW_GRDH_1S", "DV"),
        ("IW_GRDH_1S-COG", "DV"),
        ("EW_GRDM_1S", "DH"),
        ("IW_RAW__0S", "SV"),
        ("IW_OCN__2S", "DV"),
    )
    stored = {"DV": ("VV&VH", "VH&VV"), "DH": ("HH&HV", "HV&HH"), "SV": ("VV",)}
    for place, (kind, code) in enumerate(kinds):
        start = _FIRST + number * _STEP + timedelta(minutes=place)
        end, processed = start + timedelta(seconds=25), start + timedelta(hours=3)
        unit, orbit, datatake = "AC"[number % 2], 54_000 + number, 0x69_000 + number * 7
        base, _, packed = kind.partition("-")
        stem = f"S1{unit}_{base}{code}_{_stamp(start)}_{_stamp(end)}_{orbit:06d}_{datatake:06X}"
        mode, level = kind[:2], kind[8]
        yield MadeProduct(
            name=f"{stem}_{_check_letters(stem, 4)}{'_COG' if packed else ''}.SAFE",
            collection="SENTINEL-1",
            start=start,
            end=end,
            processed=processed,
            box=_place(number, 2.5),
            values={
                "origin": "ESA" if not packed else "CLOUDFERRO",
                "datatakeID": datatake,
                "timeliness": ("Fast-24h", "NRT-3h")[number % 2],
                "cycleNumber": 300 + number,
                "orbitNumber": orbit,
                "sliceNumber": number + 1,
                "totalSlices": 9,
                "productClass": "S",
                "processorName": "Sentinel-1 IPF",
                "orbitDirection": ("DESCENDING", "ASCENDING")[number % 2],
                "processingDate": hub_time(processed),
                "operationalMode": mode,
                "processingLevel": f"LEVEL{level}",
                "swathIdentifier": "IW1 IW2 IW3" if "SLC" in kind else mode,
                "processorVersion": "003.71",
                "segmentStartTime": hub_time(start - timedelta(seconds=3)),
                "sliceProductFlag": number % 2 == 0,
                "platformShortName": "SENTINEL-1",
                "productComposition": "Slice",
                "instrumentShortName": "SAR",
                "relativeOrbitNumber": (orbit - 73) % 175 + 1,
                "polarisationChannels": stored[code][number % len(stored[code])],
                "productConsolidation": "SLICE",
                "platformSerialIdentifier": unit,
                "instrumentConfigurationID": 7,
                "startTimeFromAscendingNode": 1_017_000.5 + number,
                "completionTimeFromAscendingNode": 1_042_000.5 + number,
                "productType": kind,
            },
        )
    yield _precise_orbit(number)


def _precise_orbit(number: int) -> MadeProduct:
    start = datetime(2024, 6, 1, 22, 59, 42, tzinfo=UTC) + timedelta(days=number)
    end, processed = start + timedelta(hours=26), start + timedelta(days=20)
    valid = f"V{_stamp(start)}_{_stamp(end)}"
    return MadeProduct(
        name=f"S1A_OPER_AUX_POEORB_OPOD_{_stamp(processed)}_{valid}.EOF",
        collection="SENTINEL-1",
        start=start,
        end=end,
        processed=processed,
        box=None,
        values={
            "origin": "ESA",
            "processingDate": hub_time(processed),
            "platformShortName": "SENTINEL-1",
            "platformSerialIdentifier": "A",
            "productType": "AUX_POEORB",
        },
    )


def _sentinel_1_rtc(number: int) -> Iterator[MadeProduct]:
    start = _FIRST + number * _STEP
    end, orbit = start + timedelta(seconds=25), 54_000 + number
    stem = f"S1A_IW_GRDH_1SDV_{_stamp(start)}_{_stamp(end)}_{orbit:06d}_069{number:03X}"
    yield MadeProduct(
        name=f"{stem}_{_check_letters(stem, 4)}_RTC",
        collection="SENTINEL-1-RTC",
        start=start,
        end=end,
        processed=start + timedelta(days=2),
        box=_place(number, 1.0),
        values={
            "authority": "ESA",
            "orbitNumber": orbit,
            "orbitDirection": "DESCENDING",
            "operationalMode": "IW",
            "processingLevel": "LEVEL1",
            "platformShortName": "SENTINEL-1",
            "spatialResolution": 20,
            "instrumentShortName": "SAR",
            "relativeOrbitNumber": (orbit - 73) % 175 + 1,
            "polarisationChannels": "VV&VH",
            "platformSerialIdentifier": "A",
            "productType": "RTC",
        },
    )


def _sentinel_2(number: int) -> Iterator[MadeProduct]:
    tiles = ("32TQM", "32TPM", "33TUL")
    for level, kind in (("L1C", "S2MSI1C"), ("L2A", "S2MSI2A")):
        start = _FIRST + number * _STEP
        processed = start + timedelta(hours=4)
        unit, tile, orbit = "AB"[number % 2], tiles[number % len(tiles)], number * 22 % 143 + 1
        head = f"S2{unit}_MSI{level}_{_stamp(start)}_N0510_R{orbit:03d}_T{tile}"
        yield MadeProduct(
            name=f"{head}_{_stamp(processed)}.SAFE",
            collection="SENTINEL-2",
            start=start,
            end=start,
            processed=processed,
            box=_place(number, 1.0),
            values={
                "origin": "ESA",
                "tileId": tile,
                "cloudCover": number * 17.5 % 100,
                "orbitNumber": 46_000 + number,
                "processingDate": hub_time(processed),
                "operationalMode": "INS-NOBS",
                "processingLevel": kind,
                "processorVersion": "05.10",
                "platformShortName": "SENTINEL-2",
                "instrumentShortName": "MSI",
                "relativeOrbitNumber": orbit,
                "platformSerialIdentifier": unit,
                "productType": kind,
            },
        )


def _sentinel_3(number: int) -> Iterator[MadeProduct]:
    kinds = ("OL_1_EFR___", "SL_1_RBT___", "SR_1_SRA_BS", "SY_2_SYN___", "SR_2_LAN___")
    for place, kind in enumerate(kinds):
        start = _FIRST + number * _STEP + timedelta(minutes=place)
        end, processed = start + timedelta(minutes=3), start + timedelta(hours=30)
        unit, cycle, relative = "AB"[number % 2], 113, 78 + number
        timeliness = ("NT", "NR", "ST")[number % 3]
        times = "_".join(map(_stamp, (start, end, processed)))
        yield MadeProduct(
            name=f"S3{unit}_{kind}_{times}_0179_{cycle:03d}_{relative:03d}_2340_PS1_O_{timeliness}"
            "_004.SEN3",
            collection="SENTINEL-3",
            start=start,
            end=end,
            processed=processed,
            box=_place(number, 5.0),
            values={
                "timeliness": timeliness,
                "cycleNumber": cycle,
                "orbitNumber": 43_000 + number,
                # Some records have it in lower case.
                "orbitDirection": ("DESCENDING", "descending", "ascending")[number % 3],
                "processingDate": hub_time(processed),
                "operationalMode": "Earth Observation",
                "processingLevel": kind[3],
                "processingCenter": "PS1",
                "processorVersion": "03.35",
                "baselineCollection": "004",
                "cloudCover": number * 12.5,
                "openOceanCover": number * 10,
                "platformShortName": "SENTINEL-3",
                "instrumentShortName": {"OL": "OLCI", "SL": "SLSTR", "SR": "SRAL"}.get(
                    kind[:2], "SYNERGY"
                ),
                "relativeOrbitNumber": relative,
                "platformSerialIdentifier": unit,
                "productType": kind,
            },
        )


def _sentinel_5p(number: int) -> Iterator[MadeProduct]:
    for place, kind in enumerate(("L2__NO2___", "L2__CO____", "L2__O3_TCL", "L1B_RA_BD1")):
        for mode, hours in (("OFFL", 40), ("NRTI", 3), ("RPRO", 9000)):
            start = _FIRST + number * _STEP + timedelta(minutes=place)
            end, processed = start + timedelta(minutes=101), start + timedelta(hours=hours)
            orbit = 34_381 + number
            head = f"S5P_{mode}_{kind}_{_stamp(start)}_{_stamp(end)}"
            yield MadeProduct(
                name=f"{head}_{orbit:05d}_03_020600_{_stamp(processed)}.nc",
                collection="SENTINEL-5P",
                start=start,
                end=end,
                processed=processed,
                box=None if kind == "L2__O3_TCL" else _place(number, 20.0),
                values={
                    "orbitNumber": orbit,
                    "processorName": "TROPNLL2DP",
                    "processingDate": hub_time(processed),
                    "processingMode": mode,
                    "processingLevel": kind[:3].rstrip("_"),
                    "processorVersion": "020600",
                    "platformShortName": "SENTINEL-5P",
                    "baselineCollection": "03",
                    "instrumentShortName": "TROPOMI",
                    "productType": kind,
                },
            )


def _sentinel_6(number: int) -> Iterator[MadeProduct]:
    for kind in ("P4_1B_LR_____", "P4_2__HR_____", "MW_2__AMR____"):
        start = _FIRST + number * _STEP
        end, processed = start + timedelta(minutes=56), start + timedelta(days=3)
        times = "_".join(map(_stamp, (start, end, processed)))
        half = 75 + number  # of an orbit
        relative = (half + 1) // 2
        yield MadeProduct(
            name=f"S6A_{kind}_{times}_3373_131_{half:03d}_{relative:03d}_EUM__OPE_NT_F09.SEN6",
            collection="SENTINEL-6",
            start=start,
            end=end,
            processed=processed,
            box=_place(number, 10.0),
            values={
                "authority": "EUMETSAT",
                "orbitNumber": 16_000 + number,
                "relativeOrbitNumber": relative,
                "processingDate": hub_time(processed),
                "processingBaseline": "F09",
                "processingLevel": kind[3:5].rstrip("_"),
                "spatialResolution": "2.3",
                "timeliness": "NT",
                "platformShortName": "SENTINEL-6",
                "platformSerialIdentifier": "A",
                "instrumentShortName": kind[:2],
                "productType": kind,
            },
        )


def _elevation(number: int) -> Iterator[MadeProduct]:
    start = datetime(2010, 12, 5, 13, 43, 12, tzinfo=UTC) + number * _STEP
    end = datetime(2014, 8, 26, 13, 43, 38, tzinfo=UTC)
    for short, spacing in (("DGED", "30"), ("DTED", "30"), ("DGED", "90")):
        full = f"COP-DEM_GLO-{spacing}-{short}"
        head = f"DEM1_SAR_{short[:3]}_{spacing}_{_stamp(start)}_{_stamp(end)}_ADS_000000"
        yield MadeProduct(
            name=f"{head}_{_check_letters(head, 4)}.DEM",
            collection="COP-DEM",
            start=start,
            end=end,
            processed=datetime(2023, 10, 1, tzinfo=UTC),
            box=(11.0 + number, 46.0, 12.0 + number, 47.0),
            values={
                "eopIdentifier": head,
                "datasetFull": full,
                "dataset": f"{full}/2023_1",
                "gridId": f"N46E{11 + number:03d}",
                "platformName": "TDX",
                "productType": f"SAR_{short[:3]}_{spacing}",
            },
        )


def _smos(number: int) -> Iterator[MadeProduct]:
    for kind, long in (("L1", "MIR_SCSF1C"), ("L2", "MIR_SMUDP2")):
        start = _FIRST + number * _STEP
        end = start + timedelta(minutes=53)
        yield MadeProduct(
            name=f"SM_OPER_{long}_{_stamp(start)}_{_stamp(end)}_700_001_1",
            collection="SMOS",
            start=start,
            end=end,
            processed=end + timedelta(hours=8),
            box=_place(number, 10.0),
            values={
                "authority": "ESA",
                "orbitNumber": 76_000 + number,
                "orbitDirection": ("ASCENDING", "DESCENDING")[number % 2],
                "processingLevel": kind,
                "platformShortName": "SMOS",
                "instrumentShortName": "MIRAS",
                "productType": kind,
            },
        )
