"""A mapping applied: typed tables, and every row that could not be kept with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience.mapping import values
from liftwright.audience.mapping.application import Intake
from liftwright.domain.errors import DataError

TakeIn = Callable[..., Intake]


def _read_all(expression: str, texts: list[str]) -> list[object]:
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("cells", values.cells(pa.table({"x": pa.array(texts, pa.string())}), ["x"]))
        return [row[0] for row in db.execute(f"SELECT {expression} FROM cells").fetchall()]


def test_cells_are_trimmed_and_empty_where_they_say_so() -> None:
    table = pa.table({"x": [" a b ", "", " N/A ", "null", None, "\t"], "kept": [" 1 "] * 6})
    assert values.cells(table, ["x"]).to_pydict() == {"x": ["a b", None, None, None, None, "\t"], "kept": [" 1 "] * 6}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.50", 12.5), ("$1,234.50", 1234.5), ("1.234,50 €", 1234.5), ("12,5", 12.5), ("USD 7", 7.0), ("(3.00)", -3.0),
        ("1,234", 1234.0), ("-4", -4.0), ("1e3", 1000.0), (".5", 0.5), ("=1+1", None), ("abc", None), ("1.2.3", None), ("", None),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(text: str, amount: float | None) -> None:
    assert _read_all(values.number("x"), [text]) == [amount]


@settings(max_examples=15)
@given(st.lists(st.decimals(min_value=0, max_value=10**9, places=2), min_size=1, max_size=40))
def test_every_amount_with_cents_reads_back_exactly(amounts: list[Decimal]) -> None:
    american = [f"${amount:,.2f}" for amount in amounts]
    german = [text.removeprefix("$").replace(",", "_").replace(".", ",").replace("_", ".") for text in american]
    assert _read_all(values.number("x"), american) == [float(amount) for amount in amounts]
    assert _read_all(values.number("x"), german) == [float(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("text", "day_first", "at"),
    [
        ("2026-03-04", False, datetime(2026, 3, 4, tzinfo=UTC)),
        ("2026-03-04T05:06:07+02:00", False, datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC)),
        ("19970101", False, datetime(1997, 1, 1, tzinfo=UTC)),
        ("03/04/2026", False, datetime(2026, 3, 4, tzinfo=UTC)),
        ("03/04/2026", True, datetime(2026, 4, 3, tzinfo=UTC)),
        ("4.3.2026 10:30", True, datetime(2026, 3, 4, 10, 30, tzinfo=UTC)),
        ("4 Mar 2026", False, datetime(2026, 3, 4, tzinfo=UTC)),
        ("1772600000", False, datetime(2026, 3, 4, 4, 53, 20, tzinfo=UTC)),
        ("2026-02-30", False, None),
        ("0001-01-01", False, None),
        ("soon", False, None),
    ],
)
def test_times_are_read_in_many_spellings_and_impossible_ones_are_not(text: str, day_first: bool, at: datetime | None) -> None:
    found = _read_all(values.time("x", day_first=day_first), [text])
    assert found == [None if at is None else int(at.timestamp()) * 1_000_000]


def test_bad_rows_are_put_aside_with_their_number_and_reason(take_in: TakeIn) -> None:
    text = (
        "event_id,customer_id,type,occurred_at,amount\n"
        "1,A,purchase,2026-01-01T10:00:00Z,5\n"
        "2,,purchase,2026-01-01T10:00:00Z,5\n"
        "3,A,purchase,yesterday,5\n"
        "4,A,purchase,2027-01-01T10:00:00Z,5\n"
        "5,A,purchase,2026-01-01T10:00:00Z,=1+1\n"
        "6,A,purchase,2026-01-01T10:00:00Z,-5\n"
        "1,A,purchase,2026-01-01T10:00:00Z,6\n"
        "1,A,purchase,2026-01-01T10:00:00Z,5\n"
        "9,A,return,2026-01-02T10:00:00Z,-5\n"
    )
    found = take_in(text, "events")
    assert found.tables["events"]["event_id"].to_pylist() == ["1", "9"]
    reasons = {row["row"]: row["reason"] for row in found.quarantined.to_pylist()}
    assert reasons == {
        2: "customer_id is empty",
        3: "occurred_at 'yesterday' is no date or time",
        4: "occurred_at is stamped later than now (2026-11-01 00:00 UTC)",
        5: "amount '=1+1' is no amount",
        6: "amount is negative",
        7: "event_id appears again with different content; row 1 is kept",
        8: "is an exact repeat of row 1",
    }


def test_every_row_is_either_kept_or_put_aside(take_in: TakeIn) -> None:
    rows = [f"C{n % 7},{('2026-01-0' + str(n % 9 + 1)) if n % 5 else 'never'},{n}.5" for n in range(40)]
    found = take_in("customer_id,date,amount\n" + "\n".join(rows) + "\n", "events")
    assert found.tables["events"].num_rows + found.quarantined.num_rows == 40
    assert found.quarantined.num_rows == 8


def test_events_without_ids_get_the_same_ids_every_time_and_equal_days_stay_two_events(take_in: TakeIn) -> None:
    text = "customer_id,date,amount\nA,2026-01-01,5\nA,2026-01-01,5\nB,2026-01-02,7\n"
    first, second = (take_in(text, "events").tables["events"]["event_id"].to_pylist() for _ in range(2))
    assert first == second
    assert len(set(first)) == 3


def test_equal_events_at_the_same_second_are_one_event_told_twice(take_in: TakeIn) -> None:
    text = "customer_id,type,occurred_at\nA,visit,2026-01-01 10:00:01\nA,visit,2026-01-01 10:00:01\n"
    found = take_in(text, "events")
    assert found.tables["events"].num_rows == 1
    assert found.quarantined["reason"].to_pylist() == ["is an exact repeat of row 1"]


def test_customers_keep_ids_and_texts_and_turn_the_rest_into_types(take_in: TakeIn) -> None:
    text = (
        "customer_id,first_name,birth_date,country,postal_code,created_at,consent_email,age,code,likes_red\n"
        "007,=cmd|' /C calc'!A0,31/12/1980,germany,01234,2020-05-01,yes,41,01,yes\n"
        "008,Bo,1/2/1990,USA,99999,2021-05-01,no,,02,no\n"
        "009,Cy,rubbish,,,2021-05-01,,17,3x,\n"
    )
    table = take_in(text, "customers").tables["customers"]
    rows = table.to_pylist()
    assert rows[0]["customer_id"] == "007"
    assert rows[0]["first_name"] == "=cmd|' /C calc'!A0"
    assert [row["birth_date"] for row in rows] == [date(1980, 12, 31), date(1990, 2, 1), None]
    assert [row["country"] for row in rows] == ["DE", "US", None]
    assert [row["consent_email"] for row in rows] == ["granted", "denied", None]
    assert [row["age"] for row in rows] == [41.0, None, 17.0]
    assert [row["code"] for row in rows] == ["01", "02", "3x"]
    assert [row["likes_red"] for row in rows] == [1.0, 0.0, None]
    assert table.schema.field("created_at").type == pa.timestamp("us", tz="UTC")


def test_values_left_empty_because_they_could_not_be_read_are_counted(take_in: TakeIn) -> None:
    found = take_in("customer_id,birth_date\n1,1980-01-01\n2,rubbish\n", "customers")
    assert "1 values of birth_date could not be read and are left empty." in found.notes


def test_a_date_that_could_be_either_way_round_is_said(take_in: TakeIn) -> None:
    text = "customer_id,date,amount\nA,03/04/2026,5\n"
    american, british = take_in(text, "events"), take_in(text, "events", country="GB")
    assert [t.tables["events"]["occurred_at"].to_pylist()[0].month for t in (american, british)] == [3, 4]
    assert any("month/day" in note for note in american.notes)


def test_a_file_of_which_nothing_can_be_kept_is_refused(take_in: TakeIn) -> None:
    with pytest.raises(DataError) as refused:
        take_in("customer_id,type,occurred_at\nA,visit,never\nB,visit,soon\n", "events")
    assert refused.value.code == "IMPORT-NOTHING"
    assert "never" in refused.value.says


def test_event_types_and_channels_get_their_house_names(take_in: TakeIn) -> None:
    text = "email,event,timestamp,channel\na@b.com,Order,2026-01-01,E-Mail\nc@d.com,Unsubscribed,2026-01-02,text message\n"
    events = take_in(text, "events").tables["events"]
    assert events["type"].to_pylist() == ["purchase", "opt_out"]
    assert events["channel"].to_pylist() == ["email", "sms"]
    assert events["customer_id"].null_count == 2


def test_leads_keep_their_outcome_and_a_no_to_mail_is_a_denial(take_in: TakeIn) -> None:
    found = take_in("Prospect ID,Do Not Email,Converted,Source\nx,No,1,a\ny,Yes,0,b\n", "leads")
    rows = found.tables["leads"].to_pylist()
    assert [row["outcome"] for row in rows] == ["won", "lost"]
    assert [row["consent_email"] for row in rows] == [None, "denied"]
    assert [row["created_at"] for row in rows] == [None, None]
    assert any("created_at" in note for note in found.notes)
