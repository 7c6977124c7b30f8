"""A journal with an entry that cannot be read any more: one line names it, what does not need it works, and verifying says where it broke."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import plain_shop
from tampered_journal import behind_its_back

Run = Callable[..., Any]


def _spoilt(home: Path, subject: str) -> int:
    """Spoil the last entry about a subject; its number."""
    deps = plain_shop.open_shop(home)
    engine = deps.journal._engine
    with engine.connect() as connection:
        found = connection.execute(text("SELECT max(seq) FROM journal WHERE subject = :subject"), {"subject": subject})
        number = int(found.scalar_one())
    behind_its_back(engine, "UPDATE journal SET entry = '{' WHERE seq = :number", number=number)
    plain_shop.close(deps)
    return number


READING = (
    ("approvals",),
    ("show", "CAMPAIGN"),
    ("report", "CAMPAIGN"),
    ("why", "CAMPAIGN", "C000001"),
    ("policy", "check", "CAMPAIGN"),
    ("stop", "CAMPAIGN", "--as", "Ann", "--reason", "enough"),
    ("worker", "--once"),
    ("tick", "CAMPAIGN"),
    ("plan", plain_shop.OPEN_GOAL),
    ("approve", "CAMPAIGN", "--hash", "HASH", "--as", "Ann"),
    ("policy", "waive", "BRAND-WORDS", "--reason", "x", "--as", "Ann"),
)


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_a_command_that_needs_it_says_one_line(run: Run, launched: tuple[Path, str, str], words: tuple[str, ...]) -> None:
    home, campaign, plan_hash = launched
    number = _spoilt(home, campaign)
    said = run(*(each.replace("CAMPAIGN", campaign).replace("HASH", plan_hash) for each in words), "--home", home)
    assert "BROKEN:" not in said.err.replace("JOURNAL-BROKEN:", ""), "no raw error"
    if said.code == 2 and "JOURNAL-BROKEN" in said.err:
        assert f"Entry {number} " in said.complaint
        assert "liftwright journal verify" in said.complaint


@pytest.mark.parametrize(
    "words", [("list",), ("readiness",), ("model", "list"), ("policy", "coverage"), ("users", "list")], ids=" ".join
)
def test_a_command_that_does_not_need_it_works(run: Run, launched: tuple[Path, str, str], words: tuple[str, ...]) -> None:
    home, campaign, _ = launched
    before = run(*words, "--home", home)
    _spoilt(home, campaign)
    after = run(*words, "--home", home)
    assert (after.code, after.out, after.err) == (before.code, before.out, before.err)


def test_verifying_says_where(run: Run, launched: tuple[Path, str, str]) -> None:
    home, campaign, _ = launched
    number = _spoilt(home, campaign)
    said = run("journal", "verify", "--home", home, "--json")
    assert (said.code, said.data["ok"], said.data["first_bad"]) == (1, False, number)
