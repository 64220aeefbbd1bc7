"""The text files of a generated Sentinel-2 product, shaped like those of real ones.

Source: Sentinel-2 Products Specification Document, SAFE manifest (CCSDS XFDU).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from s2fetch.embedded.tiles import tile_ring

if TYPE_CHECKING:
    from s2fetch.embedded.safe import ProductSpec

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
_MEDIA_TYPES = {"xml": "text/xml", "jp2": "application/octet-stream", "jpg": "image/jpeg"}
_REPORTS = ("FORMAT_CORRECTNESS", "GEOMETRIC_QUALITY")


class SafeFile(msgspec.Struct, frozen=True):
    """One file of a product.

    Attributes:
        path: Below the product's top directory.
        content: Its bytes.
        object_id: Its ``dataObject`` in the manifest.
    """

    path: str
    content: bytes
    object_id: str


def metadata_files(spec: ProductSpec) -> list[SafeFile]:
    """Everything but the images, the quicklook and the manifest."""
    level = f"Level-{spec.level.removeprefix('L')}"
    granule = f"{spec.level}_T{spec.tile}_A{spec.absolute_orbit:06d}_{spec.sensing:%Y%m%dT%H%M%S}"
    datastrip = f"DS_2{spec.unit}PS_{spec.made:%Y%m%dT%H%M%S}_S{spec.sensing:%Y%m%dT%H%M%S}"
    files = [
        (f"MTD_MSI{spec.level}.xml", _product(spec, granule), f"S2_{level}_Product_Metadata"),
        ("INSPIRE.xml", _inspire(spec), "INSPIRE_Metadata"),
        ("HTML/UserProduct_index.html", _page(spec), "HTML_Presentation"),
        ("HTML/UserProduct_index.xsl", _STYLESHEET, "HTML_Presentation_Stylesheet"),
        ("rep_info/S2_User_Product_" + level + "_Metadata.xsd", _SCHEMA, f"S2_{level}_Schema"),
        (f"DATASTRIP/{datastrip}/MTD_DS.xml", _datastrip(spec), f"S2_{level}_Datastrip1_Metadata"),
        (f"GRANULE/{granule}/MTD_TL.xml", _tile(spec, granule), f"S2_{level}_Tile1_Metadata"),
        (f"GRANULE/{granule}/AUX_DATA/AUX_ECMWFT", f"GRIB {spec.name} 7777\n", "ECMWF_Tile1_Data"),
    ]
    for report in _REPORTS:
        path = f"DATASTRIP/{datastrip}/QI_DATA/{report}.xml"
        files.append((path, _report(report), f"{report}_Datastrip1_InformationData"))
    return [SafeFile(path, text.encode(), object_id) for path, text, object_id in files]


def manifest(spec: ProductSpec, listed: Sequence[tuple[SafeFile, int, str]]) -> bytes:
    """``manifest.safe``: every file with its size and MD5.

    Args:
        spec: The product.
        listed: Its files with size in bytes and MD5.
    """
    level = spec.level.removeprefix("L")
    units = "\n".join(_unit(file) for file, _, _ in listed)
    objects = "\n".join(_data_object(*one) for one in listed)
    text = f"""{_HEAD}<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" \
xmlns:safe="http://www.esa.int/safe/sentinel/1.1" xmlns:xfdu="urn:ccsds:schema:xfdu:1" \
version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l{level.lower()}_user_product">
<informationPackageMap>
<xfdu:contentUnit dmdID="acquisitionPeriod platform" pdiID="processing" \
textInfo="SENTINEL-2 MSI Level-{level} User Product" unitType="Product_Level-{level}">
{units}
</xfdu:contentUnit>
</informationPackageMap>
<metadataSection>
{_wrapped("acquisitionPeriod", _period(spec))}
{_wrapped("measurementOrbitReference", _orbit(spec))}
{_wrapped("platform", _platform(spec))}
{_wrapped("measurementFrameSet", _frame(spec))}
</metadataSection>
<dataObjectSection>
{objects}
</dataObjectSection>
</xfdu:XFDU>
"""
    return text.encode()


def _unit(file: SafeFile) -> str:
    return (
        '<xfdu:contentUnit unitType="Data Unit">'
        f'<dataObjectPointer dataObjectID="{file.object_id}"/></xfdu:contentUnit>'
    )


def _data_object(file: SafeFile, size: int, md5: str) -> str:
    media_type = _MEDIA_TYPES.get(file.path.rpartition(".")[2], "application/octet-stream")
    return (
        f'<dataObject ID="{file.object_id}"><byteStream mimeType="{media_type}" size="{size}">'
        f'<fileLocation href="./{file.path}" locatorType="URL"/>'
        f'<checksum checksumName="MD5">{md5}</checksum></byteStream></dataObject>'
    )


def _wrapped(name: str, content: str) -> str:
    return (
        f'<metadataObject ID="{name}" category="DMD" classification="DESCRIPTION">'
        f'<metadataWrap mimeType="text/xml" vocabularyName="Sentinel-SAFE"><xmlData>{content}'
        "</xmlData></metadataWrap></metadataObject>"
    )


def _period(spec: ProductSpec) -> str:
    return (
        f"<safe:acquisitionPeriod><safe:startTime>{_time(spec)}</safe:startTime>"
        "</safe:acquisitionPeriod>"
    )


def _frame(spec: ProductSpec) -> str:
    return (
        '<safe:frameSet><safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">'
        f"<gml:coordinates>{_positions(spec)}</gml:coordinates></safe:footPrint></safe:frameSet>"
    )


def _positions(spec: ProductSpec) -> str:
    return " ".join(f"{lat} {lon}" for lon, lat in tile_ring(spec.tile))


def _orbit(spec: ProductSpec) -> str:
    return (
        '<safe:orbitReference><safe:orbitNumber groundTrackDirection="descending" type="start">'
        f"{spec.absolute_orbit:06d}</safe:orbitNumber>"
        f'<safe:relativeOrbitNumber type="start">{spec.relative_orbit:03d}'
        "</safe:relativeOrbitNumber></safe:orbitReference>"
    )


def _platform(spec: ProductSpec) -> str:
    return (
        "<safe:platform><safe:nssdcIdentifier>2015-000A</safe:nssdcIdentifier>"
        f"<safe:familyName>SENTINEL</safe:familyName><safe:number>2{spec.unit}</safe:number>"
        '<safe:instrument><safe:familyName abbreviation="MSI">Multi-Spectral Instrument'
        "</safe:familyName></safe:instrument></safe:platform>"
    )


def _time(spec: ProductSpec) -> str:
    return f"{spec.sensing:%Y-%m-%dT%H:%M:%S}.{spec.sensing.microsecond // 1000:03d}Z"


def _product(spec: ProductSpec, granule: str) -> str:
    level = spec.level.removeprefix("L")
    datatake = f"GS2{spec.unit}_{spec.sensing:%Y%m%dT%H%M%S}_{spec.absolute_orbit:06d}"
    return f"""{_HEAD}<n1:Level-{level}_User_Product \
xmlns:n1="https://psd-15.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{_time(spec)}</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>{_time(spec)}</PRODUCT_STOP_TIME>
<PRODUCT_URI>{spec.name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI{level}</PRODUCT_TYPE>
<PROCESSING_BASELINE>{spec.baseline[:2]}.{spec.baseline[2:]}</PROCESSING_BASELINE>
<GENERATION_TIME>{spec.made:%Y-%m-%dT%H:%M:%S}.000000Z</GENERATION_TIME>
<Datatake datatakeIdentifier="{datatake}">
<SPACECRAFT_NAME>Sentinel-2{spec.unit}</SPACECRAFT_NAME>
<SENSING_ORBIT_NUMBER>{spec.relative_orbit}</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
</Datatake>
<Product_Organisation><Granule_List><Granule granuleIdentifier="{granule}"/></Granule_List>
</Product_Organisation>
</Product_Info></n1:General_Info>
<n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint>
<EXT_POS_LIST>{_positions(spec)}</EXT_POS_LIST>
</Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>
<n1:Quality_Indicators_Info>
<Cloud_Coverage_Assessment>{spec.cloud_cover}</Cloud_Coverage_Assessment>
</n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>
"""


def _inspire(spec: ProductSpec) -> str:
    return (
        f'{_HEAD}<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd">'
        f"<gmd:fileIdentifier>{spec.name}</gmd:fileIdentifier></gmd:MD_Metadata>\n"
    )


def _page(spec: ProductSpec) -> str:
    return f"<!DOCTYPE html>\n<html><head><title>{spec.name}</title></head><body></body></html>\n"


def _datastrip(spec: ProductSpec) -> str:
    return (
        f"{_HEAD}<Level_Datastrip><DATASTRIP_SENSING_START>{_time(spec)}"
        "</DATASTRIP_SENSING_START></Level_Datastrip>\n"
    )


def _tile(spec: ProductSpec, granule: str) -> str:
    return (
        f"{_HEAD}<Level_Tile><TILE_ID>{granule}</TILE_ID><SENSING_TIME>{_time(spec)}"
        "</SENSING_TIME></Level_Tile>\n"
    )


def _report(name: str) -> str:
    check = f'<check name="{name}" status="PASSED"/>'
    return f"{_HEAD}<Earth_Explorer_File>{check}</Earth_Explorer_File>\n"


_STYLESHEET = f"""{_HEAD}<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>
"""
_SCHEMA = f"""{_HEAD}<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>
"""
