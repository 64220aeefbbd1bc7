"""Imports all of s2fetch: what `tests.forked` has its processes begin with."""

from __future__ import annotations

import gc
import os
import pkgutil
from importlib import import_module

import s2fetch

NOT_IMPORTED = {"s2fetch.digest.build", "s2fetch.digest.md5_blocks"}
"""A hook of the build, and a library that is no module."""

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads is not forked
for module in pkgutil.walk_packages(s2fetch.__path__, "s2fetch."):
    if module.name not in NOT_IMPORTED and not module.name.endswith(".__main__"):
        import_module(module.name)
gc.collect()
gc.freeze()
