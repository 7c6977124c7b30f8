"""Columns are recognised by a map, by name and by content, and what is missing is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from liftwright.audience.mapping.contents import look
from liftwright.audience.mapping.files import read
from liftwright.audience.mapping.recognition import Mapping, recognise
from liftwright.domain.errors import DataError


def _recognised(text: str, declared: str, mapping: dict[str, Any] | None = None) -> Mapping:
    return recognise(read(text.encode(), name="f.csv").table, name="f.csv", declared=declared, mapping=mapping)


def test_usual_names_are_found_whatever_their_spelling() -> None:
    found = _recognised("Customer Number,E-Mail Address,givenName,ZIP,Shoe Size\n1,a@b.com,Ann,01234,38\n", "customers")
    assert found.columns == {
        "customer_id": "Customer Number",
        "email": "E-Mail Address",
        "first_name": "givenName",
        "postal_code": "ZIP",
    }
    assert found.extras == {"shoe_size": "Shoe Size"}


def test_content_finds_an_address_under_a_strange_name() -> None:
    found = _recognised("customer_id,reach_me\n1,a@b.com\n2,c@d.org\n", "customers")
    assert found.columns["email"] == "reach_me"
    assert "e-mail addresses" in found.because["email"]


def test_content_vetoes_a_name() -> None:
    found = _recognised("customer_id,zip_code,phone\n1,Rural,yes\n2,Urban,no\n", "customers")
    assert set(found.extras) == {"zip_code", "source_phone"}


def test_orders_without_a_type_are_purchases_and_say_why() -> None:
    found = _recognised("customer_id,date,dollar_value\n1,19970101,11.77\n", "events")
    assert found.columns == {"customer_id": "customer_id", "occurred_at": "date", "amount": "dollar_value"}
    assert found.constants == {"type": "purchase"}
    assert ("type", "always 'purchase'", found.because["type"]) in found.shown


def test_an_order_number_that_repeats_is_not_the_id_of_an_event() -> None:
    lines = "".join(f"{n},{n // 2},2026-01-01,5\n" for n in range(20))
    found = _recognised("customer_id,order_id,date,amount\n" + lines, "events")
    assert "event_id" not in found.columns
    assert found.extras == {"order_id": "order_id"}


def test_a_column_that_says_no_becomes_a_refusal() -> None:
    found = _recognised("Prospect ID,Do Not Email,Converted\nx,No,1\ny,Yes,0\n", "leads")
    assert found.refusals == {"consent_email": "Do Not Email"}
    assert found.columns == {"lead_id": "Prospect ID", "outcome": "Converted"}


def test_a_missing_required_column_is_refused_with_the_columns_found_and_what_to_do() -> None:
    with pytest.raises(DataError) as refused:
        _recognised("colour,size\nred,4\n", "customers")
    assert refused.value.code == "IMPORT-COLUMNS"
    assert "customer_id" in refused.value.says
    assert "colour, size" in refused.value.says
    assert "--map" in refused.value.next_step


def test_a_map_wins_over_names() -> None:
    text = "customer_id,real_id,mail\n1,A,x@y.com\n"
    found = _recognised(text, "events", {"table": "customers", "columns": {"customer_id": "real_id", "vip_level": "mail"}})
    assert found.table == "customers"
    assert found.columns["customer_id"] == "real_id"
    assert found.extras["vip_level"] == "mail"
    assert found.extras["source_customer_id"] == "customer_id"


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"columns": {"customer_id": "real_idd"}}, "Did you mean 'real_id'"),
        ({"columns": {"custmer_id": "real_id"}}, "no column of customers"),
        ({"colums": {}}, "colums"),
        ({"table": "customer", "columns": {}}, "no table 'customer'"),
    ],
)
def test_a_map_with_a_slip_is_refused_with_the_nearest_word(mapping: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as refused:
        _recognised("real_id\nA\n", "customers", mapping)
    assert says in str(refused.value)


def test_two_columns_of_one_name_and_different_content_are_not_guessed_between() -> None:
    with pytest.raises(DataError) as refused:
        _recognised("customer_id,customer_id\n1,2\n", "customers")
    assert refused.value.code == "IMPORT-AMBIGUOUS"
    assert _recognised("customer_id,customer_id\n1,1\n", "customers").columns == {"customer_id": "customer_id"}


def test_empty_columns_are_left_out_and_named() -> None:
    found = _recognised("customer_id,a,\n1,x,\n2,y,\n", "customers")
    assert found.extras == {"a": "a"}
    assert "column_3" in found.notes[0]


def test_a_wide_test_file_is_recognised_by_itself() -> None:
    rows = [f"{n % 12},{n % 3},{('Web', 'Phone')[n % 2]},{('Blue E-Mail', 'No E-Mail')[n // 2 % 2]},{n % 2},0" for n in range(60)]
    found = _recognised("recency,womens,channel,segment,visit,spend\n" + "\n".join(rows) + "\n", "treatments")
    assert found.columns == {"outcome_visits": "visit", "outcome_revenue": "spend", "arm": "segment"}
    assert found.people is not None
    assert found.people.extras == {"recency": "recency", "womens": "womens", "purchase_channel": "channel"}
    assert found.arms is not None
    assert [(level.channel, level.offer) for level in found.arms.levels if not level.is_control] == [("email", "blue")]
    assert any("purchase_channel" in note for note in found.notes)


def test_a_look_counts_what_values_are() -> None:
    table = read(b"a\n1\n0\n\n1\n", name="f").table
    seen = look(table["a"])
    assert (seen.flag, seen.number, seen.levels) == (1.0, 1.0, ("0", "1"))
