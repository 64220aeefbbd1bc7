"""Strategies for examples that are made by the thousand, and had better be cheap."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

_T = TypeVar("_T")

chances: st.SearchStrategy[random.Random] = st.randoms(use_true_random=True)
"""Randomness of its own for what has many parts: one draw, where each part would take one."""


def one_of(*values: _T) -> st.SearchStrategy[_T]:
    """One of these values, `st.sampled_from` for use where examples are drawn.

    What is made there is made for each example, which takes longer than to draw from it.
    """
    strategy: st.SearchStrategy[_T] = _made(*values)
    return strategy


@lru_cache(maxsize=None, typed=True)
def _made(*values: Any) -> Any:
    return st.sampled_from(values)
