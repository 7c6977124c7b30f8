"""Households, reasons of a merge, and the counts a readiness audit needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from liftwright.audience import identity

Table = Callable[..., pa.Table]
AT = datetime(2026, 11, 1, tzinfo=UTC)
HOME = {"last_name": "Ray", "street": "1 Elm St.", "postal_code": "62704"}


def test_the_same_name_at_the_same_address_gets_one_letter(customers: Table) -> None:
    rows = [
        {"customer_id": "A", **HOME}, {"customer_id": "B", **HOME, "last_name": "RAY", "street": "1 elm st"},
        {"customer_id": "C", **HOME, "last_name": "Roe"}, {"customer_id": "D", **HOME, "postal_code": None}, {"customer_id": "E", **HOME},
    ]  # fmt: skip
    people = identity.people({"customers": customers(*rows)})
    ids = people["household_id"].to_pylist()
    assert ids[0] == ids[1] == ids[4] != ids[2]
    assert ids[3] is None
    assert "Ray" not in ids[0]
    alike = np.zeros(5)
    assert identity.one_per_household(people, np.array([True] * 5), worth=alike).tolist() == [True, False, True, True, False]
    allowed = np.array([False, True, True, True, True])
    assert identity.one_per_household(people, allowed, worth=alike).tolist() == [False, True, True, True, False]
    worth = np.array([0.5, 0.9, 0.1, 0.1, -np.inf])
    assert identity.one_per_household(people, np.array([True] * 5), worth=worth).tolist() == [False, True, True, True, False]


def test_without_postal_addresses_there_are_no_households(customers: Table) -> None:
    people = identity.people({"customers": customers({"customer_id": "A"}).drop_columns(["street"])})
    assert "household_id" not in people.column_names
    assert identity.one_per_household(people, np.array([True]), worth=np.zeros(1)).tolist() == [True]


def test_every_merge_names_its_rules(customers: Table) -> None:
    table = customers(
        {"customer_id": "A", "email": "a@x.com"}, {"customer_id": "B", "email": "A@x.com", "phone": "+12125550100"},
        {"customer_id": "C", "phone": "212-555-0100"}, {"customer_id": "D"},
    )  # fmt: skip
    told = identity.told("D", "C", verdict="same", by="ada", at=AT)
    rows = identity.links({"customers": table, "identity_links": told}).to_pylist()
    assert [(row["left_id"], row["right_id"], row["rule"], row["decided_by"]) for row in rows] == [
        ("A", "B", "email", None), ("B", "C", "phone", None), ("C", "D", "told", "ada"),
    ]  # fmt: skip


def test_counts_for_an_audit_name_ids_and_never_addresses(customers: Table) -> None:
    table = customers(
        {"customer_id": "ann@x.com", "email": "Ann@x.com", "consent_email": "granted"},
        {"customer_id": "B", "email": "ann@x.com", "consent_email": "denied"},
        {"customer_id": "C", "email": "c@x.com", "consent_email": "granted"},
        {"customer_id": "D", "email": "c+tag@x.com", "consent_email": "granted"},
        {"customer_id": "E", "email": "e@x.com"},
    )
    tables = {"customers": table}
    split, case, consent = (
        each(tables) for each in (identity.split_identities, identity.case_duplicates, identity.consent_conflicts)
    )
    assert (split.count, case.count, consent.count) == (2, 1, 1)
    assert split.examples[1] == ("C", "D")
    assert all("@" not in customer_id for found in (split, case, consent) for ids in found.examples for customer_id in ids)
    assert [len(found.examples) for found in (split, case, consent)] == [2, 1, 1]


def test_counts_of_an_empty_workspace_are_zero() -> None:
    for each in (identity.split_identities, identity.case_duplicates, identity.consent_conflicts):
        assert each({}) == identity.Counted(0, ())
