"""Other words for values of attributes: those of hubs that run the DHuS, and common abbreviations.

Sources: recorded answers of such hubs; Sentinel-3 User Handbook (timeliness).
"""

from __future__ import annotations

from collections.abc import Mapping

_TIMELINESS = {
    "NR": ("Near Real Time", "NR"),
    "ST": ("Short Time Critical", "ST"),
    "NT": ("Non Time Critical", "NT"),
}
_SHORT_TIMELINESS = {"NRT": "NR", "STC": "ST", "NTC": "NT"}

SYNONYMS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("SENTINEL-2", "processingLevel"): {
        "S2MSI1C": ("Level-1C",),
        "S2MSI2A": ("Level-2A",),
        "S2MSI2Ap": ("Level-2Ap", "Level-2A"),
    },
    ("SENTINEL-3", "processingLevel"): {"0": ("L0",), "1": ("L1",), "2": ("L2",)},
    ("SENTINEL-3", "timeliness"): _TIMELINESS,
    ("SENTINEL-5P", "processingMode"): {
        "NRTI": ("Near real time", "NRTI"),
        "OFFL": ("Offline", "OFFL"),
        "RPRO": ("Reprocessing", "RPRO"),
    },
}
"""By collection and attribute: what the hubs write for a value of the catalogue, usual first."""

_ABBREVIATIONS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("SENTINEL-3", "timeliness"): _SHORT_TIMELINESS,
    ("SENTINEL-6", "timeliness"): {
        **_SHORT_TIMELINESS,
        **{words[0].upper(): value for value, words in _TIMELINESS.items()},
    },
    ("SENTINEL-5P", "processingMode"): {"NRT": "NRTI"},
}
"""What else people write, in capitals."""


def in_catalogue(collection: str, attribute: str, text: str) -> str:
    """The catalogue's word for what somebody wrote; the text itself where there is no other.

    >>> in_catalogue("SENTINEL-3", "timeliness", "non time critical")
    'NT'
    """
    wanted = " ".join(text.upper().split())
    for value, written in SYNONYMS.get((collection, attribute), {}).items():
        if wanted in (word.upper() for word in written):
            return value
    return _ABBREVIATIONS.get((collection, attribute), {}).get(wanted, text)
