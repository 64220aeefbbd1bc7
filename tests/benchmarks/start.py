"""How long ``s2fetch --help`` takes, against ``python -c "import aiohttp"``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.figures import Figure, compared
from tests.benchmarks.measured import run
from tests.benchmarks.programs import S2FETCH
from tests.benchmarks.scale import Scale

MOST = 1.0
TURNS = {Scale.FULL: 25, Scale.QUICK: 15, Scale.TINY: 1}


def measure(scale: Scale, work: Path) -> list[Figure]:
    """Measure it, in turn, after a start of each that is not counted."""
    log = work / "start.log"
    ours, baseline = [], []
    for turn in range(TURNS[scale] + 1):
        shown = run([*S2FETCH, "--help"], log)
        imported = run([sys.executable, "-c", "import aiohttp"], log)
        if turn:
            ours.append(shown.seconds * 1e3)
            baseline.append(imported.seconds * 1e3)
    what = "`s2fetch --help` against `import aiohttp`"
    return [compared(what, ours, baseline, "ms", most=MOST)]
