"""The scanner knows personal data in whatever form it comes, and does not cry wolf over numbers."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from liftwright.llm.scanner import contact_data_in, found_in, scan
from liftwright.llm.terms import PersonalTerms, digit_groups

CUSTOMERS = pa.table(
    {
        "customer_id": ["c1", "c2", "c3"],
        "email": ["Ada.Lovelace@example.org", None, "jose@example.org"],
        "phone": ["+44 7700 900123", "(202) 555-0147", "+33612345678"],
        "first_name": ["Ada", "Grace", "José"],
        "last_name": ["Lovelace", "Hopper", "García Márquez"],
        "home_address": ["12 Oak Street, Springfield", None, "7 Rue Haute"],
    }
)
TERMS = PersonalTerms.from_customers(CUSTOMERS, salt=b"test")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to bob@example.com please", "e-mail address"),
        ("write to bob＠example.com", "e-mail address"),
        ("bo\u200bb@exam\u200bple.com", "e-mail address"),
        ("call (202) 555-0199", "phone number"),
        ("call 202-555-0199 now", "phone number"),
        ("call +49 151 23456789", "phone number"),
        ("call +4915123456789", "phone number"),
        ("ring 020 7946 0958", "phone number"),
        ("card 4111 1111 1111 1111", "card number"),
        ("card 4111111111111111", "card number"),
        ("card 3782-822463-10005", "card number"),
    ],
)
def test_contact_data_is_found_without_any_dictionary(text: str, kind: str) -> None:
    assert found_in(text, terms=None) == (kind,)


@pytest.mark.parametrize(
    "text",
    [
        "spend 30,000 USD by 2026-11-30 on 120000 people",
        "2026-11-21T09:00:00+00:00 to 2026-12-05",
        "interval 0.0412345678901234 to 0.0498765432109876",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "4111 1111 1111 1112",
        "between 18 and 65 years, 3 contacts, 10 % off",
        "{{first_name}} and {{unsubscribe_url}}",
        "campaign c-20261121-0001-2345, snapshot 1763715600",
        "1763715600000 and 12345678901234567890123",
    ],
)
def test_numbers_of_a_plan_are_no_contact_data(text: str) -> None:
    assert found_in(text, terms=TERMS) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Dear ADA LOVELACE,", "customer name"),
        ("Lovelace, Ada", "customer name"),
        ("ada_lovelace bought twice", "customer name"),
        ("José García Márquez", "customer name"),
        ("jose\\u0301 x Jos\\u00e9 M\\u00e1rquez", "customer name"),
        ("she lives at 12 OAK street", "customer address"),
        ("mobile 07700900123", "customer phone"),
        ("mobile 07700 900 123", "phone number"),
        ("number 2025550147 in row 3", "customer phone"),
        ("tel 0612345678", "customer phone"),
    ],
)
def test_people_of_the_customer_file_are_found(text: str, kind: str) -> None:
    assert kind in found_in(text, terms=TERMS)


@pytest.mark.parametrize("text", ["Grace period of 30 days", "Ada is a language", "Oak Street 12", "hopper cars", "García"])
def test_a_single_common_word_is_not_enough(text: str) -> None:
    assert found_in(text, terms=TERMS) == ()


def test_a_name_split_over_json_fields_is_found() -> None:
    message = ToolMessage(json.dumps({"rows": [{"first_name": "Ada", "last_name": "Lovelace"}]}), tool_call_id="1")
    assert scan([message], {}, terms=TERMS) == ["message 1 (tool): customer name"]


def test_a_phone_that_is_a_number_in_json_is_found() -> None:
    message = ToolMessage(json.dumps({"phone": 2025550147}), tool_call_id="1")
    assert scan([message], {}, terms=TERMS) == ["message 1 (tool): customer phone"]


def test_tool_calls_content_blocks_and_schemas_are_looked_into() -> None:
    call = AIMessage("", tool_calls=[{"name": "find", "args": {"q": ["ada lovelace"]}, "id": "1"}])
    block = HumanMessage([{"type": "text", "text": "bob@example.com"}])
    tools = [{"type": "function", "function": {"name": "x", "description": "ask Grace Hopper", "parameters": {}}}]
    assert scan([call, block], {"tools": tools}, terms=TERMS) == [
        "message 1 (ai): customer name",
        "message 2 (human): e-mail address",
        "option tools: customer name",
    ]


def test_the_senders_own_address_may_be_said() -> None:
    allowed = frozenset({"shop@example.test"})
    assert contact_data_in("from shop@example.test", allowed=allowed) == []
    assert contact_data_in("from shop@example.test to bob@example.com", allowed=allowed) == ["e-mail address"]


def test_what_is_found_is_never_repeated() -> None:
    found = scan([HumanMessage("Ada Lovelace, ada.lovelace@example.org, 07700900123")], {}, terms=TERMS)
    assert found
    assert not any(word in " ".join(found).lower() for word in ("ada", "lovelace", "07700"))


def test_no_customers_means_an_empty_dictionary() -> None:
    assert len(PersonalTerms.from_customers(None)) == 0
    assert found_in("Ada Lovelace", terms=PersonalTerms.from_customers(None)) == ()


def test_the_dictionary_keeps_no_readable_data() -> None:
    kept = repr(vars(TERMS)).lower()
    assert not any(word in kept for word in ("ada", "lovelace", "7700900123", "oak"))


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?@[a-z]{2,8}\.(com|org|de)", fullmatch=True), st.text(max_size=20))
def test_every_plain_address_is_found_wherever_it_stands(address: str, around: str) -> None:
    assert "e-mail address" in contact_data_in(f"{around} {address} {around}")


@given(
    st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["{0}{1}{2}", "{0} {1} {2}", "{0}-{1}-{2}", "({0}) {1}-{2}", "+1 {0}.{1}.{2}"]),
)
def test_a_customers_phone_is_found_in_every_common_writing(digits: str, form: str) -> None:
    terms = PersonalTerms.from_customers(pa.table({"phone": [f"+1{digits}"]}), salt=b"x")
    text = f"reach me at {form.format(digits[:3], digits[3:6], digits[6:])} today"
    assert "customer phone" in found_in(text, terms=terms)


def test_digit_groups_keep_what_stands_together() -> None:
    assert digit_groups("(0151) 123-45, 7") == [["0151", "123", "45"], ["7"]]
