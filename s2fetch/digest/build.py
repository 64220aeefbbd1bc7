"""Compiles `md5_blocks.c` while s2fetch is installed, where there is a C compiler.

Without one, or with one that fails, the installation is the same but for this: s2fetch then hashes
with Python's own MD5 alone. Used by hatchling (custom build hook) and not installed.
"""

from __future__ import annotations

import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = ("-O2", "-std=c99", "-fPIC", "-shared")
LONGEST_SECONDS = 120.0


class CompileMd5(BuildHookInterface[Any]):
    """Puts the library beside its source, and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, before anything is collected; see hatchling's interface.

        Args:
            version: ``standard`` or ``editable``.
            build_data: What else the builder is to do.
        """
        if self.target_name != "wheel":
            return
        folder = Path(self.root, "s2fetch", "digest")
        library = folder / f"md5_blocks{'.dylib' if _is_apple() else '.so'}"
        library.unlink(missing_ok=True)
        compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
        command = [*compiler, *FLAGS, "-o", str(library), str(folder / "md5_blocks.c")]
        try:
            subprocess.run(  # noqa: S603 - the compiler that Python itself names
                command, check=True, capture_output=True, timeout=LONGEST_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_info(f"MD5 of two products at a time is left out: {error}")
            return
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"


def _is_apple() -> bool:
    return sysconfig.get_platform().startswith("macosx")


def _platform() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
