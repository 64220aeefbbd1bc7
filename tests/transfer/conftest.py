"""The same fixtures as for whole runs."""

from __future__ import annotations

from tests.sync.conftest import clock, never_blocking, site, site_factory

__all__ = ["clock", "never_blocking", "site", "site_factory"]
