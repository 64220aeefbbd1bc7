"""Listings of products in the forms that people and other programs need, of any length."""

from __future__ import annotations

from s2fetch.export.forms import FORMS, Form, make_form
from s2fetch.export.sinks import (
    Exported,
    FileSink,
    ParquetSink,
    Sink,
    TextSink,
    export_all,
    make_sink,
)

__all__ = [
    "FORMS",
    "Exported",
    "FileSink",
    "Form",
    "ParquetSink",
    "Sink",
    "TextSink",
    "export_all",
    "make_form",
    "make_sink",
]
