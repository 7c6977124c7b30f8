"""Estimated links: what a misspelling hides is found, what families share is not mistaken for one person."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import identity
from liftwright.audience.identity import weights

Table = Callable[..., pa.Table]
AT = datetime(2026, 11, 1, tzinfo=UTC)
ANN = {
    "customer_id": "A", "first_name": "Katherine", "last_name": "Zabriskie", "birth_date": date(1980, 3, 4), "street": "12 Elm Street",
    "city": "Springfield", "postal_code": "62704", "email": "kz@x.com",
}  # fmt: skip


def _crowd(count: int = 60) -> list[dict[str, Any]]:
    """People who have nothing in common, so that a file has a size."""
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrs"]
    return [
        {
            "customer_id": f"X{n:03d}", "first_name": words[n].title(), "last_name": words[-n - 1].title() + "son",
            "birth_date": date(1940 + n, 1 + n % 12, 1 + n % 28), "street": f"{n} {words[n]} road", "postal_code": f"{10_000 + n}",
        }
        for n in range(count)
    ]  # fmt: skip


def _linked(customers: Table, *rows: dict[str, Any], told: pa.Table | None = None) -> list[tuple[str, str]]:
    tables = {"customers": customers(*_crowd(), *rows)}
    found = identity.likely_links(tables | ({} if told is None else {"identity_links": told}), at=AT)
    return list(zip(found["left_id"].to_pylist(), found["right_id"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    "changed",
    [
        {"last_name": "Zabriski"}, {"first_name": "Catherine"}, {"birth_date": date(1980, 3, 15)}, {"birth_date": None, "email": None},
        {"first_name": "Zabriskie", "last_name": "Katherine"}, {"postal_code": "62740"}, {"street": "9 Oak Avenue", "postal_code": "10001", "city": None, "email": None},
        {"first_name": "Kath"}, {"birth_date": date(1980, 4, 3)},
    ],
    ids=lambda changed: " ".join(map(str, changed.values())),
)  # fmt: skip
def test_the_same_person_written_otherwise_is_found(customers: Table, changed: dict[str, Any]) -> None:
    assert _linked(customers, ANN, ANN | {"customer_id": "B", "email": "other@y.org", **changed}) == [("A", "B")]


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Robert", "birth_date": date(1979, 1, 2)}, {"first_name": "Robert", "birth_date": None}, {"first_name": "Robert"},
        {"birth_date": date(2004, 11, 25)}, {"first_name": None, "birth_date": None}, {"first_name": None}, {"first_name": "Kathleen", "birth_date": None},
    ],
    ids=["spouse", "spouse of unknown age", "twin", "parent and child of one name", "somebody of the household", "somebody of their age", "sister"],
)  # fmt: skip
def test_people_of_one_household_are_not_one_person(customers: Table, other: dict[str, Any]) -> None:
    assert _linked(customers, ANN, ANN | {"customer_id": "B", "email": "other@y.org", **other}) == []


def test_a_link_carries_its_evidence(customers: Table) -> None:
    table = customers(*_crowd(), ANN, ANN | {"customer_id": "B", "email": None, "last_name": "Zabriski"})
    (link,) = identity.likely_links({"customers": table}, at=AT).to_pylist()
    assert link["weight"] >= weights.LEAST_WEIGHT
    assert link["agreed"] == ["first_name", "last_name", "birth_date", "address"]
    assert (link["verdict"], link["rule"], link["model"], link["decided_at"]) == ("same", "model", weights.MODEL, AT)
    people = identity.people({"customers": table, "identity_links": pa.Table.from_pylist([link])})
    assert ["A", "B"] in people["merged_from"].to_pylist()


def test_what_was_decided_is_not_estimated_again(customers: Table) -> None:
    rows = (ANN, ANN | {"customer_id": "B", "email": None, "last_name": "Zabriski"})
    apart = identity.told("B", "A", verdict="different", by="ada", at=AT)
    assert _linked(customers, *rows, told=apart) == []


def test_the_order_of_the_rows_changes_nothing(customers: Table) -> None:
    rows = [*_crowd(), ANN, ANN | {"customer_id": "B", "email": None, "last_name": "Zabriski"}]
    one, other = (identity.likely_links({"customers": customers(*each)}, at=AT) for each in (rows, rows[::-1]))
    assert one.num_rows == 1
    assert one.equals(other)


def test_hostile_values_neither_fail_nor_link(customers: Table) -> None:
    strange = [
        {
            "customer_id": f"H{n}",
            "first_name": text,
            "last_name": text,
            "street": text,
            "city": text,
            "postal_code": text,
            "phone": text,
        }
        for n, text in enumerate(["x" * 1_000_000, "\x00", "'; DROP TABLE records; --", "\u202e\u0430", "%_%", "0"])
    ]
    assert _linked(customers, *strange) == []


def test_a_file_of_one_name_is_nobody_in_particular(customers: Table) -> None:
    same = [{"customer_id": f"S{n:04d}", "first_name": "Test", "last_name": "User", "postal_code": "00000"} for n in range(300)]
    assert _linked(customers, *same) == []


def test_without_names_nothing_is_loaded_and_nothing_estimated() -> None:
    code = (
        "import sys, pyarrow as pa\nfrom datetime import datetime, UTC\nfrom liftwright.audience import identity\n"
        "t = {'customers': pa.table({'customer_id': ['A', 'B'], 'email': ['a@x.com', 'a@x.com'], 'phone': ['12', '12']})}\n"
        "assert identity.likely_links(t, at=datetime.now(UTC)).num_rows == 0\nidentity.people(t)\n"
        "print(sorted({'splink', 'duckdb', 'phonenumbers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['phonenumbers']"


def test_a_crowd_behind_one_key_is_read_in_bulk_and_links_nobody() -> None:
    count = 100_000
    crowd = pa.table(
        {
            "customer_id": [f"C{n:06d}" for n in range(count)],
            **{
                name: pa.repeat(value, count)
                for name, value in (("email", "same@x.com"), ("phone", "030 901820"), ("last_name", "Ray"))
            },
            **{
                name: pa.repeat(value, count)
                for name, value in (("first_name", "Ann"), ("postal_code", "1"), ("birth_date", "1970-01-01"))
            },
        }
    )
    assert identity.people({"customers": crowd}, country="DE").num_rows == count
    assert identity.likely_links({"customers": crowd}, at=AT).num_rows == 0


@pytest.mark.slow
def test_made_up_records_are_resolved_as_well_as_the_benchmark_says() -> None:
    script = Path(__file__).parents[3] / "benchmarks" / "identity.py"
    spec = importlib.util.spec_from_file_location("identity_benchmark", script)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    line = benchmark.line(6_000, seed=1, data=None)
    assert line["ours"]["precision"] >= 0.995
    assert line["ours"]["recall"] >= 0.95
    assert line["ratio"]["exact_keys_recall"] > 1.1


@settings(max_examples=50)
@given(st.lists(st.floats(-40, 40), min_size=1, max_size=200), st.integers(10, 10**12))
def test_the_prior_is_a_share_and_grows_with_the_evidence(bits: list[float], pairs: int) -> None:
    few, many = (weights.prior_bits(np.array(bits) + more, float(pairs)) for more in (0.0, 5.0))
    assert math.log2(1 / pairs) - 0.1 <= few <= many + 0.01
    assert few <= 0.0


def test_the_prior_counts_the_repeats_of_a_file_that_is_plain() -> None:
    bits = np.concatenate([np.full(300, 40.0), np.full(700, -40.0)])
    assert weights.prior_bits(bits, 100_000.0) == pytest.approx(math.log2(0.003 / 0.997), abs=0.02)


def test_the_shares_of_every_field_add_up_to_one() -> None:
    for name, (_, levels) in weights.FIELDS.items():
        assert sum(level.m for level in levels) == pytest.approx(1.0), name
        assert sum(level.u for level in levels) == pytest.approx(1.0, abs=0.03), name
