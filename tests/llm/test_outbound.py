"""Answers for an agent outside: what is personal in them is withheld text by text, and what cannot be told apart does not leave."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import PolicyError
from liftwright.llm import outbound
from liftwright.llm.scanner import scan
from liftwright.llm.terms import PersonalTerms

TERMS = PersonalTerms.from_customers(
    pa.table({"first_name": ["Ada"], "last_name": ["Lovelace"], "email": ["ada@shop.test"], "phone": ["+12125550123"]})
)
SPOKEN = st.sampled_from(["for Ada Lovelace", "write ada@shop.test", "call 212 555 0123", "Ada", "12 touches", "c-09fe8e8d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.floats(0, 1) | st.text(max_size=20) | SPOKEN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["goal", "says", "rows"]), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_nothing_personal_is_left_in_what_is_given_out(data: Any) -> None:
    if not scan((), {"answer": data}, terms=TERMS):
        assert outbound.withheld(data, terms=TERMS) == data, "what holds nothing personal stays as it is"
        return
    with contextlib.suppress(PolicyError):
        assert scan((), {"answer": outbound.withheld(data, terms=TERMS)}, terms=TERMS) == []


def test_only_the_text_that_holds_it_is_withheld_and_its_kind_is_said() -> None:
    kept = outbound.withheld({"goal": "as for Ada Lovelace", "rows": [{"says": "12 touches"}, "ada@shop.test"]}, terms=TERMS)
    assert kept == {
        "goal": "[withheld: customer name]",
        "rows": [{"says": "12 touches"}, "[withheld: e-mail address, customer e-mail]"],
    }


@pytest.mark.parametrize("data", [{"first": "Ada", "last": "Lovelace"}, {"rows": {"ada@shop.test": 1}}])
def test_what_no_single_text_holds_keeps_the_whole_answer_back_without_repeating_it(data: Any) -> None:
    with pytest.raises(PolicyError, match="PRIVACY-OUTBOUND") as refused:
        outbound.withheld(data, terms=TERMS)
    assert "ovelace" not in str(refused.value)
    assert "ada@" not in str(refused.value)


def test_the_senders_own_address_may_be_said() -> None:
    assert (
        outbound.withheld("from shop@plain.test", terms=TERMS, allowed=frozenset({"shop@plain.test"})) == "from shop@plain.test"
    )


def test_a_scanner_that_fails_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "found_in", lambda *_, **__: 1 / 0)
    with pytest.raises(PolicyError, match="PRIVACY-OUTBOUND"):
        outbound.withheld({"goal": "Sell more"}, terms=TERMS)
