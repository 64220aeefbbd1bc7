"""Products, attributes and nodes as OData v1 shows them.

Source: recorded answers of DHuS hubs and the entity model of the open DHuS core (OData 2.0, JSON
in its verbose form).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from s2fetch.embedded.dhus.documents import download_name, gml, identifier
from s2fetch.embedded.dhus.feed import written
from s2fetch.embedded.dhus.settings import DhusSettings, Generation
from s2fetch.embedded.dhus.solr.matching import Document
from s2fetch.embedded.entry import NEVER_EVICTED, Entry, read_time
from s2fetch.embedded.nodes import Node

Members = dict[str, Any]
"""The members of an entity."""

_ATTRIBUTES: Mapping[str, tuple[str, str]] = {
    "filename": ("Filename", "summary"),
    "identifier": ("Identifier", "summary"),
    "format": ("Format", "summary"),
    "size": ("Size", "summary"),
    "beginposition": ("Sensing start", "product"),
    "endposition": ("Sensing stop", "product"),
    "ingestiondate": ("Ingestion Date", "product"),
    "creationdate": ("Creation Date", "product"),
    "generationdate": ("Generation Date", "product"),
    "orbitnumber": ("Orbit number (start)", "product"),
    "lastorbitnumber": ("Orbit number (stop)", "product"),
    "relativeorbitnumber": ("Relative orbit (start)", "product"),
    "lastrelativeorbitnumber": ("Relative orbit (stop)", "product"),
    "orbitdirection": ("Pass direction (start)", "product"),
    "platformname": ("Satellite name", "platform"),
    "platformserialidentifier": ("Satellite number", "platform"),
    "platformidentifier": ("NSSDC identifier", "platform"),
    "instrumentname": ("Instrument name", "instrument"),
    "instrumentshortname": ("Instrument abbreviation", "instrument"),
    "sensoroperationalmode": ("Instrument mode", "instrument"),
    "swathidentifier": ("Instrument swath", "instrument"),
    "polarisationmode": ("Polarisation", "product"),
    "producttype": ("Product type", "product"),
    "productclass": ("Product class", "product"),
    "productlevel": ("Product level", "product"),
    "processinglevel": ("Processing level", "product"),
    "processingbaseline": ("Processing baseline", "product"),
    "processingmode": ("Processing mode", "product"),
    "timeliness": ("Timeliness Category", "product"),
    "cloudcoverpercentage": ("Cloud cover percentage", "product"),
    "missiondatatakeid": ("Mission datatake id", "product"),
    "slicenumber": ("Slice number", "product"),
    "cyclenumber": ("Cycle number", "product"),
    "passnumber": ("Pass number", "product"),
    "tileid": ("Tile Identifier", "product"),
    "s2datatakeid": ("Datatake sensing id", "product"),
    "acquisitiontype": ("Acquisition Type", "product"),
    "status": ("Status", "product"),
    "footprint": ("JTS footprint", "product"),
    "gmlfootprint": ("Footprint", "product"),
}
_EPOCH = read_time("1970-01-01T00:00:00Z")


def product_uri(root: str, entry_id: str) -> str:
    """Where a product is."""
    return f"{root}/odata/v1/Products('{entry_id}')"


def listed_md5(entry: Entry, settings: DhusSettings) -> str:
    """The MD5 as the hub shows it; empty where it shows none."""
    if not settings.has_checksums:
        return ""
    return entry.md5.upper() if settings.shows_capitals else entry.md5


def product_members(entry: Entry, settings: DhusSettings, root: str) -> Members:
    """A product."""
    uri = product_uri(root, entry.id)
    media = f"{uri}/$value"
    md5 = listed_md5(entry, settings)
    evicted = None if entry.eviction_date == NEVER_EVICTED else odata_date(entry.eviction_date)
    members: Members = {
        "__metadata": {
            "id": uri,
            "uri": uri,
            "type": "DHuS.Product",
            "content_type": "application/octet-stream",
            "media_src": media,
            "edit_media": media,
        },
        "Id": entry.id,
        "Name": identifier(entry.name),
        "ContentType": "application/octet-stream",
        "ContentLength": str(entry.content_length),
        "ChildrenNumber": "2",
        "Value": None,
        "CreationDate": odata_date(entry.publication_date),
        "IngestionDate": odata_date(entry.publication_date),
        "ModificationDate": odata_date(entry.modification_date),
        "EvictionDate": evicted,
        "Online": entry.online,
        "OnDemand": False,
        "ContentDate": {
            "__metadata": {"type": "DHuS.TimeRange"},
            "Start": odata_date(entry.sensing_start),
            "End": odata_date(entry.sensing_end),
        },
        "Checksum": {
            "__metadata": {"type": "DHuS.Checksum"},
            "Algorithm": "MD5" if md5 else None,
            "Value": md5 or None,
        },
        "ContentGeometry": gml(entry.footprint) if entry.footprint is not None else None,
        **{name: _deferred(uri, name) for name in ("Products", "Nodes", "Attributes", "Class")},
    }
    if settings.generation.old:
        del members["OnDemand"], members["ModificationDate"]
    if settings.generation is Generation.OLD_A:
        members |= {"Metalink": "", "LocalPath": f"/data/incoming/{download_name(entry.name)}"}
    if not settings.shows_online:
        del members["Online"]
    return members


def attribute_members(document: Document, uri: str) -> list[Members]:
    """The attributes of a product, all of them text.

    Args:
        document: Its search document.
        uri: Where the product is.
    """
    texts = [("Date", written(document["beginposition"]), "summary")]
    for field, (name, category) in _ATTRIBUTES.items():
        if field in document:
            value = document[field]
            text = moment(value) if isinstance(value, datetime) else written(value)
            texts.append((name, text, category))
    return [_attribute(uri, *one) for one in texts]


def deleted_members(entry: Entry, settings: DhusSettings, root: str) -> Members:
    """A product that is gone."""
    uri = f"{root}/odata/v1/DeletedProducts('{entry.id}')"
    return {
        "__metadata": {"id": uri, "uri": uri, "type": "DHuS.DeletedProduct"},
        "Id": entry.id,
        "Name": identifier(entry.name),
        "CreationDate": odata_date(entry.publication_date),
        "FootPrint": gml(entry.footprint) if entry.footprint is not None else None,
        "Size": str(entry.content_length),
        "IngestionDate": odata_date(entry.publication_date),
        "ContentDate": {
            "__metadata": {"type": "DHuS.TimeRange"},
            "Start": odata_date(entry.sensing_start),
            "End": odata_date(entry.sensing_end),
        },
        "Checksum": {
            "__metadata": {"type": "DHuS.Checksum"},
            "Algorithm": "MD5",
            "Value": listed_md5(entry, settings) or None,
        },
        "DeletionDate": odata_date(entry.deletion_date),
        "DeletionCause": entry.deletion_cause,
    }


def node_members(node: Node, uri: str) -> Members:
    """A file or folder inside a product.

    Args:
        node: Which.
        uri: Where its parent is.
    """
    own = f"{uri}/Nodes('{quote(node.name)}')"
    return {
        "__metadata": {
            "id": own,
            "uri": own,
            "type": "DHuS.Node",
            "content_type": "application/octet-stream" if not node.children else "Item",
            "media_src": f"{own}/$value",
            "edit_media": f"{own}/$value",
        },
        "Id": node.name,
        "Name": node.name,
        "ContentType": "application/octet-stream" if not node.children else "Item",
        "ContentLength": str(node.size),
        "ChildrenNumber": str(node.children),
        "Value": None,
        **{name: _deferred(own, name) for name in ("Class", "Attributes", "Nodes")},
    }


def picture_members(entry: Entry, name: str, uri: str) -> Members:
    """The quicklook or thumbnail of a product."""
    own = f"{uri}/Products('{name}')"
    return {
        "__metadata": {
            "id": own,
            "uri": own,
            "type": "DHuS.Product",
            "content_type": "image/jpeg",
            "media_src": f"{own}/$value",
            "edit_media": f"{own}/$value",
        },
        "Id": name,
        "Name": f"{identifier(entry.name)}-{'ql' if name == 'Quicklook' else 'th'}.jpg",
        "ContentType": "image/jpeg",
        "ChildrenNumber": "0",
        "Value": None,
    }


def odata_date(text: str) -> str:
    """A time as JSON of OData 2.0 has it: ``/Date(<milliseconds since 1970>)/``."""
    return f"/Date({(read_time(text) - _EPOCH) // timedelta(milliseconds=1)})/"


def plain_date(text: str) -> str:
    """The same time outside JSON: ``2018-01-01T00:00:00.024``."""
    milliseconds = int(text.removeprefix("/Date(").removesuffix(")/"))
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")[:23]


def moment(value: datetime) -> str:
    """A time as attributes show it, always with milliseconds."""
    return value.isoformat(timespec="milliseconds")[:23] + "Z"


def plain_value(value: object) -> str:
    """A property as ``$value`` sends it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return plain_date(text) if text.startswith("/Date(") else text


def atom_entry(members: Members) -> str:
    """An entity as Atom, for those who did not ask for JSON."""
    metadata = members["__metadata"]
    properties = "".join(_property(name, value) for name, value in members.items())
    media = metadata.get("media_src", "")
    content = f'<content type="application/octet-stream" src="{escape(media)}"/>' if media else ""
    return (
        f"<entry><id>{escape(metadata['id'])}</id>"
        f'<title type="text">{escape(str(members.get("Name", members.get("Id"))))}</title>'
        f"{content}<m:properties>{properties}</m:properties></entry>"
    )


def _property(name: str, value: object) -> str:
    if name == "__metadata" or (isinstance(value, dict) and "__deferred" in value):
        return ""
    if isinstance(value, dict):
        inside = "".join(_property(inner, one) for inner, one in value.items())
        return f"<d:{name}>{inside}</d:{name}>"
    if isinstance(value, list):
        return ""
    if value is None:
        return f'<d:{name} m:null="true"/>'
    return f"<d:{name}>{escape(plain_value(value))}</d:{name}>"


def _attribute(uri: str, name: str, text: str, category: str) -> Members:
    own = f"{uri}/Attributes('{quote(name)}')"
    return {
        "__metadata": {"id": own, "uri": own, "type": "DHuS.Attribute"},
        "Id": name,
        "Name": name,
        "ContentType": "text/plain",
        "ContentLength": str(len(text.encode())),
        "Value": text,
        "Category": category,
    }


def _deferred(uri: str, name: str) -> Members:
    return {"__deferred": {"uri": f"{uri}/{name}"}}
