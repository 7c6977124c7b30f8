"""What a person sees of the columns of a file, and what their choices become: a map that imports exactly what was shown, or what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience.mapping import choosing
from liftwright.audience.mapping.choosing import KEPT, Column
from liftwright.audience.mapping.files import read
from liftwright.audience.mapping.recognition import guess, recognise
from liftwright.domain.errors import DataError

PEOPLE = """Kundennummer,Mail,Vorname,Geburtstag,Werbung,Telefon,Do not email,leer,points
10001,ann.o@shop.test,Ann,1980-05-05,yes,+1 212 555 0001,0,,12
10002,bob@shop.test,Bob,1981-06-07,no,+1 212 555 0002,1,,7
10003,cid@shop.test,Cid,1982-07-08,yes,+1 212 555 0003,0,,
"""
WIDE = "history,womens,visit,conversion,spend,segment,Email\n" + "".join(
    f"{n}.5,{n % 2},{n % 3 == 0:d},0,{n},{('Womens E-Mail', 'No E-Mail')[n % 2]},p{n}@shop.test\n" for n in range(1, 61)
)


def seen(text: str, declared: str = "customers") -> list[Column]:
    table = read(text.encode(), name="f.csv").table
    return choosing.columns(table, guess(table, name="f.csv", declared=declared))


def by_name(columns: list[Column]) -> dict[str, Column]:
    return {column.name: column for column in columns}


def place(columns: list[Column], name: str) -> int:
    return [column.name for column in columns].index(name)


def test_every_column_is_shown_also_where_an_import_would_be_refused() -> None:
    table = read(PEOPLE.encode(), name="f.csv").table
    with pytest.raises(DataError, match="IMPORT-COLUMNS"):
        recognise(table, name="f.csv", declared="customers")
    found = by_name(seen(PEOPLE))
    assert list(found) == PEOPLE.split("\n", 1)[0].split(",")
    assert (found["Mail"].taken_for, found["Mail"].how) == ("email", "canonical")
    assert (found["Kundennummer"].taken_for, found["Kundennummer"].how) == ("kundennummer", "kept")
    assert (found["Do not email"].taken_for, found["Do not email"].how) == ("consent_email", "says_no")
    assert (found["leer"].how, found["leer"].samples) == ("empty", ())


def test_of_what_may_be_personal_only_the_shape_is_shown() -> None:
    found = by_name(seen(PEOPLE))
    assert found["Mail"].samples == ("xxx.x@xxxx.xxxx", "xxx@xxxx.xxxx", "xxx@xxxx.xxxx")
    assert found["Vorname"].samples == ("Xxx", "Xxx", "Xxx")
    assert found["Telefon"].samples[0] == "+9 999 999 9999"
    assert found["points"].samples == ("12", "7")
    assert found["Werbung"].samples == ("yes", "no")
    ids = by_name(
        seen(
            "customer_id,birth_date,note\nann@shop.test,1980-05-05,a very long note "
            + "x" * 900
            + "\n+12125550001,1980-05-06,b\n"
        )
    )
    assert ids["customer_id"].samples == ("xxx@xxxx.xxxx", "+99999999999")
    assert ids["birth_date"].samples == ("9999-99-99", "9999-99-99")
    assert len(ids["note"].samples[0]) == choosing.LONGEST


def test_words_that_many_rows_share_are_shown() -> None:
    rows = "".join(f"C{n},{('gold', 'silver')[n % 2]}\n" for n in range(12))
    assert by_name(seen(f"customer_id,Stufe\n{rows}"))["Stufe"].samples == ("gold", "silver")


def test_without_a_choice_there_is_no_map() -> None:
    assert choosing.chosen(seen(PEOPLE), {}, table="customers") == choosing.Chosen()
    assert choosing.chosen(seen(PEOPLE), {0: "", 3: ""}, table="customers") == choosing.Chosen()


def test_choices_become_a_map_that_takes_every_column_as_it_was_shown() -> None:
    columns = seen(PEOPLE)
    choices = {
        place(columns, "Kundennummer"): "customer_id",
        place(columns, "Geburtstag"): "birth_date",
        place(columns, "Mail"): KEPT,
    }
    wanted = choosing.chosen(columns, choices, table="customers")
    assert wanted.mapping is not None
    told = wanted.mapping["columns"]
    assert (told["customer_id"], told["birth_date"], told["mail"]) == ("Kundennummer", "Geburtstag", "Mail")
    assert "consent_email" not in told, "a column that says no cannot stand in a map; it is found by its name as before"
    found = recognise(read(PEOPLE.encode(), name="f.csv").table, name="f.csv", declared="customers", mapping=wanted.mapping)
    assert found.columns["customer_id"] == "Kundennummer"
    assert (found.extras["mail"], found.refusals) == ("Mail", {"consent_email": "Do not email"})
    assert "email" not in found.columns


@pytest.mark.parametrize(
    ("choices", "wrong"),
    [
        ({"Kundennummer": "customer_number"}, {"Kundennummer"}),
        ({"Kundennummer": "__row"}, {"Kundennummer"}),
        ({"points": "email"}, {"points", "Mail"}),
        ({"points": "customer_id", "Kundennummer": "customer_id"}, {"points", "Kundennummer"}),
        ({"points": "consent_email"}, {"points", "Do not email"}),
    ],
)
def test_what_is_wrong_or_doubled_is_said_of_the_column(choices: dict[str, str], wrong: set[str]) -> None:
    columns = seen(PEOPLE)
    found = choosing.chosen(columns, {place(columns, name): choice for name, choice in choices.items()}, table="customers")
    assert {columns[each].name for each in found.wrong} == wrong
    assert found.mapping is None


def test_what_is_missing_is_named() -> None:
    columns = seen(PEOPLE)
    assert choosing.chosen(columns, {0: KEPT}, table="customers").missing == ("customer_id",)
    orders = seen("wer,wann,wieviel\nC1,2026-01-01,12.50\n", "events")
    assert choosing.chosen(orders, {2: "margin"}, table="events").missing == ("customer_id or email or phone or send_id", "type")
    found = choosing.chosen(orders, {0: "customer_id", 2: "amount"}, table="events")
    assert (found.missing, found.mapping is None) == ((), False), "rows with an amount are purchases by themselves"


def test_two_columns_of_one_plain_name_are_both_kept() -> None:
    columns = seen("customer_id,Größe,grosse,email\nC1,1,2,a@shop.test\n")
    found = choosing.chosen(columns, {3: KEPT}, table="customers")
    assert found.mapping is not None
    assert found.mapping["columns"] == {
        "customer_id": "customer_id",
        "grosse": "Größe",
        "grosse_2": "grosse",
        "source_email": "email",
    }


def test_the_people_of_a_wide_test_file_stay_and_its_outcomes_can_be_chosen() -> None:
    columns = seen(WIDE, "treatments")
    found = by_name(columns)
    assert (found["segment"].taken_for, found["Email"].taken_for, found["Email"].how) == (
        "arm",
        "customers.email",
        "of_customers",
    )
    assert found["Email"].samples[0] == "x9@xxxx.xxxx"
    kept = choosing.chosen(columns, {place(columns, "conversion"): KEPT}, table="treatments")
    assert kept.mapping is not None
    mapping = recognise(read(WIDE.encode(), name="f.csv").table, name="f.csv", declared="treatments", mapping=kept.mapping)
    assert "outcome_orders" not in mapping.columns
    assert mapping.people is not None
    assert mapping.people.columns["email"] == "Email"
    refused = choosing.chosen(columns, {place(columns, "Email"): KEPT}, table="treatments")
    assert set(refused.wrong) == {place(columns, "Email")}


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.integers(0, 8), st.sampled_from(["", KEPT, *choosing.options("customers"), "x", "source_email"]), max_size=9
    )
)
def test_whatever_is_chosen_is_an_import_or_an_answer(choices: dict[int, str]) -> None:
    columns = seen(PEOPLE)
    found = choosing.chosen(columns, choices, table="customers")
    if found.mapping is None:
        assert found.wrong or found.missing or not any(choices.values())
        return
    mapping = recognise(read(PEOPLE.encode(), name="f.csv").table, name="f.csv", declared="customers", mapping=found.mapping)
    taken: dict[str, Any] = mapping.columns | mapping.refusals
    for number, column in enumerate(columns):
        choice = choices.get(number, "")
        wanted = (
            choice
            if choice not in ("", KEPT)
            else column.taken_for
            if not choice and column.how in ("canonical", "says_no")
            else ""
        )
        assert [name for name, each in taken.items() if each == column.name] == ([wanted] if wanted else [])
