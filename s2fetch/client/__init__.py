"""The Python API: a client without an archive, and one that keeps an archive."""

from __future__ import annotations

from s2fetch.client.client import Client as Client
