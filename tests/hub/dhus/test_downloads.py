"""Downloads from a hub that runs the Data Hub Software: what it says of a body."""

from __future__ import annotations

import base64

import pytest

from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.hub.base import Validator
from s2fetch.product import Product
from tests.hub.dhus.conftest import DhusFactory, TwinFactory
from tests.hub.dhus.products import FIRST, entry_of

MD5 = "0f343b0931126a20f133d67c2b018a3b"
TOKEN = base64.b64encode(b"me:secret").decode()


@pytest.mark.parametrize(("has_checksums", "tag"), [(True, MD5), (False, "")])
async def test_an_identifier_is_no_version(
    twin: TwinFactory, dhus: DhusFactory, has_checksums: bool, tag: str
) -> None:
    """The hub tags a body by its checksum, and by the product's identifier where it has none."""
    entry = entry_of("S2A.SAFE", "SENTINEL-2", FIRST, md5=MD5)
    server = await twin(FolderCatalogue([(entry, b"PK")]), has_checksums=has_checksums)
    product = Product(id=entry.id, name=entry.name)
    async with (await dhus(server.url)).open(
        product, offset=0, validator=Validator(), token=TOKEN, account="me"
    ) as body:
        assert body.validator.etag == tag
        assert body.validator.last_modified.endswith("UTC")
