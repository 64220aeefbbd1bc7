"""Finding the word somebody meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from s2fetch.errors import QueryError

MOST_LISTED = 40
"""Words that a message lists when none of them is alike."""
LEAST_ALIKE = 0.55
"""Share of their letters that two words have to have in common."""


def nearest(
    word: str, known: Iterable[str], limit: int = 3, least: float = LEAST_ALIKE
) -> tuple[str, ...]:
    """The known words most like this one, best first; empty when none is alike.

    Of those that are equally alike, the first in the order of the known ones.

    Args:
        word: What somebody wrote.
        known: All there are.
        limit: Most words to return.
        least: As `LEAST_ALIKE`.
    """
    import difflib  # only mistakes need it

    spelling = {name.lower().replace("_", "-"): name for name in known}
    likeness = difflib.SequenceMatcher(b=word.lower().replace("_", "-"))

    def ratio(other: str) -> float:
        likeness.set_seq1(other)
        return likeness.ratio()

    alike = {other: ratio(other) for other in spelling}
    best = sorted(alike, key=lambda other: -alike[other])
    return tuple(spelling[other] for other in best[:limit] if alike[other] >= least)


def suggestion(word: str, known: Sequence[str]) -> str:
    """``Did you mean A or B?``, or the known words when none is alike."""
    alike = nearest(word, known)
    if alike:
        return f"Did you mean {' or '.join(alike)}?"
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"Known are {', '.join(known[:MOST_LISTED])}{more}"


def pick(name: str, known: Sequence[str], what: str) -> str:
    """The known word that this is, in any case.

    Args:
        name: As the user wrote it.
        known: All there are.
        what: For the message: ``a collection of the catalogue``.

    Raises:
        QueryError: It is none of them; names the nearest.
    """
    wanted = name.strip().upper()
    for word in known:
        if word.upper() == wanted:
            return word
    raise QueryError(f"{name!r} is not {what}", advice=suggestion(name, known))
