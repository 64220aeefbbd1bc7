"""Products that many tests begin with, made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from s2fetch.embedded.safe import generate_products


@pytest.fixture(scope="session")
def made_products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `products` is a copy of; nobody else uses it."""
    folder = tmp_path_factory.mktemp("made") / "products"
    generate_products(folder, 6, size=40_000)
    return folder


@pytest.fixture
def products(made_products: Path, tmp_path: Path) -> Path:
    """A folder of six small Level-1C products of June 2024, all online."""
    folder = tmp_path / "hub-products"
    return shutil.copytree(made_products, folder, copy_function=shutil.copyfile)
