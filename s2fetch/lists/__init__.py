"""Lists of products that people hand on: exports of s2fetch and of other programs, names, URLs."""

from __future__ import annotations

from s2fetch.lists.reading import read_list, read_names
from s2fetch.lists.rows import STDIN, ProductList

__all__ = ["STDIN", "ProductList", "read_list", "read_names"]
