"""Runs the command: ``python -m s2fetch``."""

from __future__ import annotations

from s2fetch.cli.main import main

if __name__ == "__main__":
    main()
