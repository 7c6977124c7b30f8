"""The house's own lists of words: read as lists, or refused with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from liftwright.content.wording import HouseWords
from liftwright.domain.errors import PolicyError
from liftwright.library import DiskLibrary


def test_the_shipped_lists_are_read_and_blank_phrases_are_none() -> None:
    assert "act now" in HouseWords.of(DiskLibrary().templates()).banned
    given = {"banned": ["a", " "], "competitors": ["Borogove"], "required": {"sms": ["STOP"]}}
    assert HouseWords.of(given) == HouseWords(("a",), ("Borogove",), {"sms": ("STOP",)})
    assert HouseWords.of({}) == HouseWords()


@pytest.mark.parametrize(
    "given", [{"banned": "act now"}, {"competitors": {"a": 1}}, {"required": ["x"]}, {"required": {"sms": "x"}}]
)
def test_what_is_no_list_is_refused_by_name(given: dict[str, Any]) -> None:
    with pytest.raises(PolicyError) as caught:
        HouseWords.of(given)
    assert next(iter(given)) in caught.value.says
    assert "Write it as a list" in caught.value.next_step
