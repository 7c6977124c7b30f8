"""Whoever is merged keeps every protection any of their records had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import identity
from liftwright.domain.profile import FLAGS

Table = Callable[..., pa.Table]
_RANK = {"denied": 2, "granted": 1, None: 0}


def _person(customers: Table, *rows: dict[str, Any]) -> dict[str, Any]:
    table = customers(*({"customer_id": str(n), "email": "a@b.com", **row} for n, row in enumerate(rows)))
    (person,) = identity.people({"customers": table}).to_pylist()
    return dict(person)


@pytest.mark.parametrize(
    ("consents", "kept"),
    [
        (("granted", "denied"), "denied"), (("denied", "granted"), "denied"), ((None, "granted"), "granted"), ((None, None), None),
        (("yes", "No"), "No"), (("unknown", "granted"), "granted"), (("unknown", None), "unknown"),
    ],
)  # fmt: skip
def test_somebody_who_said_no_once_is_never_written_to_after_a_merge(
    customers: Table, consents: tuple[str | None, str | None], kept: str | None
) -> None:
    assert _person(customers, *({"consent_email": consent} for consent in consents))["consent_email"] == kept


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["granted", "denied", None]), min_size=1, max_size=4))
def test_consent_is_the_most_restrictive_of_all_records(customers: Table, said: list[str | None]) -> None:
    kept = _person(customers, *({"consent_sms": consent} for consent in said))["consent_sms"]
    assert kept == max(said, key=_RANK.__getitem__)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["yes", "no", None]), min_size=1, max_size=4))
def test_an_objection_of_any_record_is_the_persons(customers: Table, said: list[str | None]) -> None:
    kept = _person(customers, *({"objected": flag} for flag in said))["objected"]
    assert (kept == "yes") == ("yes" in said)
    assert "objected" in FLAGS["objected"]


def test_of_birth_dates_that_an_estimate_put_together_the_younger_counts(customers: Table) -> None:
    born = [date(2008, 12, 31), date(2009, 12, 31)]
    table = customers(*({"customer_id": str(n), "birth_date": day} for n, day in enumerate(born)))
    link = identity.told("0", "1", verdict="same", by="ada", at=_noon())
    (person,) = identity.people({"customers": table, "identity_links": link}).to_pylist()
    assert person["birth_date"] == max(born)


def test_what_is_split_again_has_its_own_consents_back(customers: Table) -> None:
    table = customers(
        {"customer_id": "A", "email": "a@b.com", "consent_email": "granted"},
        {"customer_id": "B", "email": "a@b.com", "consent_email": "denied"},
    )
    apart = identity.told("A", "B", verdict="different", by="ada", at=_noon())
    assert identity.people({"customers": table})["consent_email"].to_pylist() == ["denied"]
    assert identity.people({"customers": table, "identity_links": apart})["consent_email"].to_pylist() == ["granted", "denied"]


def _noon() -> datetime:
    return datetime(2026, 1, 1, 12, tzinfo=UTC)
