"""Answers for a model outside this house (an agent that calls us): what is personal in them is withheld, by the scanner of our own calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liftwright.domain.errors import PolicyError
from liftwright.llm.scanner import found_in, scan
from liftwright.llm.terms import PersonalTerms


def withheld(data: Any, *, terms: PersonalTerms, allowed: frozenset[str] = frozenset()) -> Any:
    """JSON data in which every text that holds personal data reads `[withheld: e-mail address]`, or what kind it was.

    Raises PolicyError PRIVACY-OUTBOUND when something personal is left that no single text holds (a name over two fields, a key), and when
    that cannot be told.
    """
    try:
        kept = _kept(data, terms, allowed)
        left = scan((), {"answer": kept}, terms=terms, allowed=allowed)
    except Exception as error:
        kept, left = None, [f"the scanner itself failed ({type(error).__name__})"]
    if left:
        raise PolicyError(
            "PRIVACY-OUTBOUND",
            f"The answer holds personal data and was not given out: {'; '.join(left[:5])}.",
            next_step="Ask for less, or look at it in Liftwright itself.",
        )
    return kept


def _kept(value: Any, terms: PersonalTerms, allowed: frozenset[str]) -> Any:
    if isinstance(value, str):
        kinds = found_in(value, terms=terms, allowed=allowed)
        return f"[withheld: {', '.join(kinds)}]" if kinds else value
    if isinstance(value, Mapping):
        return {key: _kept(item, terms, allowed) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(item, terms, allowed) for item in value]
    return value
