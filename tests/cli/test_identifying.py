"""Seeing and undoing a merge from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

CUSTOMERS = "customer_id,email,consent_email\nA,ann@x.com,yes\nB,Ann@X.com,no\nC,c@x.com,yes\n"


def test_a_merge_is_shown_split_and_joined_again(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    assert run("import", "customers.csv", "--as", "customers").code == 0
    shown = run("identity", "show", "B")
    assert shown.code == 0
    assert "Records    A, B" in shown.out
    assert "A and B by the same email" in shown.out
    assert "Consent    email: denied" in shown.out
    split = run("identity", "split", "A", "B", "--as", "ada", "--json", at="2026-11-02T15:00:00+00:00").data
    assert [(person["person"], person["consent"]["email"]) for person in split] == [("A", "granted"), ("B", "denied")]
    assert "Apart      A and B, said ada" in run("identity", "show", "A").out
    joined = run("identity", "join", "B", "A", "--as", "ada", at="2026-11-02T16:00:00+00:00")
    assert "A and B because ada said so" in joined.out


def test_somebody_unknown_is_one_clear_line(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    run("import", "customers.csv", "--as", "customers")
    answer = run("identity", "show", "nobody")
    assert answer.code == 2
    assert "IDENTITY-NOBODY" in answer.complaint
