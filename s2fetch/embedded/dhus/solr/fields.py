"""The fields of a search document and how their values match.

Source: schema.xml of the open DHuS core and the field declarations of its Sentinel add-ons. Where
those say nothing (Sentinel-5P, tile names), `FieldType.TEXT`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from s2fetch.embedded.dhus.solr.syntax import SolrError


class FieldType(StrEnum):
    """How values of a field are compared."""

    STRING = "string"
    """The whole value, with case."""
    TEXT = "text_general"
    """Token by token, without case."""
    INT = "int"
    """Whole numbers."""
    DOUBLE = "double"
    """Any number."""
    DATE = "date"
    """Moments, with date mathematics."""
    SHAPE = "location_rpt"
    """Footprints."""
    FLAG = "boolean"
    """true or false."""


_NAMES: Mapping[FieldType, str] = {
    FieldType.STRING: "uuid identifier filename format size path gmlfootprint resolutiondetail"
    " onlinequalitycheck adfqualitycheck",
    FieldType.TEXT: "contents collection platformname platformidentifier platformserialidentifier"
    " instrumentname instrumentshortname orbitdirection lastorbitdirection producttype"
    " sensoroperationalmode polarisationmode swathidentifier productclass productconsolidation"
    " acquisitiontype status timeliness processinglevel processingbaseline processingname"
    " processingmode productlevel mode passdirection passnumber relorbitdir relpassdirection"
    " relpassnumber s2datatakeid ecmwf tileid hv_order_tileid level1cpdiidentifier"
    " granuleidentifier datastripidentifier instrumentmode processorversion",
    FieldType.INT: "orbitnumber lastorbitnumber relativeorbitnumber lastrelativeorbitnumber"
    " missiondatatakeid slicenumber cyclenumber",
    FieldType.DOUBLE: "cloudcoverpercentage highprobacloudspercentage mediumprobacloudspercentage"
    " notvegetatedpercentage snowicepercentage unclassifiedpercentage vegetationpercentage"
    " waterpercentage closedseacoverpercentage coastalcoverpercentage"
    " continentalicecoverpercentage freshinlandwatercoverpercentage landcoverpercentage"
    " openoceancoverpercentage salinewatercoverpercentage snowicecoverpercentage"
    " tidalregioncoverpercentage brightcoverpercentage illuminationzenithangle",
    FieldType.DATE: "beginposition endposition ingestiondate creationdate generationdate"
    " datatakesensingstart",
    FieldType.SHAPE: "footprint",
    FieldType.FLAG: "ondemand public",
}

SCHEMA: Mapping[str, FieldType] = {
    name: kind for kind, names in _NAMES.items() for name in names.split()
}
"""Types by name, all in lower case."""

# Word breaks of Unicode annex 29 as far as values of these fields need them: letters, digits and
# underscores hold together, a point or comma between digits does, a point, colon or apostrophe
# between letters does.
_TOKEN = re.compile(r"\w+(?:(?:(?<=\d)[.,](?=\d)|(?<=[^\W\d_])['.:](?=[^\W\d_]))\w+)*")


def field_type(name: str) -> FieldType:
    """The type of a field.

    Raises:
        SolrError: There is no such field.
    """
    try:
        return SCHEMA[name]
    except KeyError:
        raise SolrError(f"undefined field {name}") from None


def tokens(text: str) -> list[str]:
    """What Solr's standard tokenizer with the lower-case filter makes of a text."""
    return [token for token in _TOKEN.findall(text.lower()) if token.strip("_")]
