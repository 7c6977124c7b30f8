"""`policy`: what an owner of rules asks before they change one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
STRICTER = """
- id: OWN-RECENT
  version: 1
  scope: person
  basis: house
  jurisdiction: [ANY]
  applies: {channel: [email]}
  facts: [channel]
  violated_when: channel = 'email'
  severity: block
  says: No e-mail at all this week.
  fix: Wait until next week.
  source: {cite: House rule, checked_on: 2026-11-21, confidence: own}
  tests:
    - {facts: {channel: email}, violates: true}
    - {facts: {channel: sms}, violates: false}
"""


def test_coverage_is_whole_and_names_how_each_source_is_known(run: Run) -> None:
    said = run("policy", "coverage", "--json")
    assert (said.code, said.data["covered"]) == (0, 1.0)
    assert {row["confidence"] for row in said.data["rules"]} == {"primary", "secondary", "own"}
    assert all(row["jurisdiction"] for row in said.data["rules"])


def test_mutants_that_survive_are_named_with_a_test_that_would_tell(run: Run) -> None:
    said = run("policy", "mutants", "--least", "1.0", "--json")
    assert said.code == (1 if said.data["survivors"] else 0)
    assert (said.data["share"] >= 0.95, said.data["mutants"] > 500) == (True, True)
    assert all(each["a_test_that_would_tell"]["facts"] for each in said.data["survivors"])


def test_a_person_s_word_names_rule_facts_source_and_fix(run: Run, shop: Path) -> None:
    said = run("policy", "explain", "--person", "C000001", "--channel", "sms", "--home", shop, "--json")
    assert said.code == 1
    found = {finding["rule"]: finding for finding in said.data["findings"]}
    assert found["TCPA-PEWC"]["facts"]["consent"] is None
    assert found["TCPA-PEWC"]["source"].startswith("47 CFR 64.1200")
    assert found["TCPA-PEWC"]["fix"]
    human = run("policy", "explain", "--person", "C000001", "--channel", "sms", "--home", shop)
    assert "consent = not known" in human.out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("explain", "--person", "nobody", "--channel", "sms"), 2, "PERSON-UNKNOWN"),
        (("explain", "--person", "C000001", "--channel", "fax"), 2, "no channel 'fax'"),
        (("check",), 2, "Name a campaign, or give a text"),
        (("check", "c-1", "--text", "Hello"), 2, "Name a campaign, or give a text"),
        (("diff", "nowhere"), 2, "nowhere"),
    ],
)
def test_wrong_questions_are_answered_in_one_line(run: Run, shop: Path, words: tuple[str, ...], code: int, says: str) -> None:
    said = run("policy", *words, "--home", shop)
    assert (said.code, says in said.err) == (code, True), said.err


def test_one_text_is_checked_for_its_channel_and_country(run: Run, shop: Path) -> None:
    said = run("policy", "check", "--text", "The best boots in the world, 90% off!", "--channel", "sms", "--country", "US", "--home", shop, "--json")  # fmt: skip
    assert said.code == 1
    rules = {finding["rule"]: finding for finding in said.data}
    assert {"CLAIM-EVIDENCE", "TCPA-STOP"} <= set(rules)
    assert all(finding["source"] and finding["fix"] for finding in said.data)


def test_a_stricter_rule_shows_who_is_lost_before_it_is_in_force(run: Run, shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "own.yaml").write_text(STRICTER, encoding="utf-8")
    said = run("policy", "diff", folder, "--home", shop, "--json")
    assert said.code == 0
    assert said.data["rules"] == [{"rule": "OWN-RECENT", "what": "added", "from": None, "to": said.data["rules"][0]["to"]}]
    mail = said.data["channels"]["email"]
    assert len(mail["lost"]) == mail["reachable_before"] > 0 == mail["reachable_after"]
    assert {row["rule"]: row["lost"] for row in said.data["by_rule"]}["OWN-RECENT"] == len(mail["lost"])
    back = run("policy", "diff", folder, tmp_path, "--home", shop, "--json")
    assert back.data["channels"]["email"]["gained"] == mail["lost"]
    (folder / "policies" / "own.yaml").write_text(STRICTER.replace("channel = 'email'", "chanel = 'email'"), encoding="utf-8")
    broken = run("policy", "diff", folder, "--home", shop)
    assert (broken.code, "Did you mean 'channel'?" in broken.err) == (1, True), broken.err


def test_a_waiver_takes_two_people_and_is_listed(run: Run, shop: Path) -> None:
    asked = run("policy", "waive", "CAP-WEEK", "--reason", "clearance", "--as", "mia", "--home", shop, "--json")
    assert asked.code == 0
    waiver = asked.data["waiver_id"]
    own = run("policy", "waive-approve", waiver, "--as", "mia", "--home", shop)
    assert (own.code, "nobody approves their own" in own.err) == (1, True)
    assert run("policy", "waive-approve", waiver, "--as", "cora", "--home", shop).code == 0
    (row,) = run("policy", "waivers", "--home", shop, "--json").data
    assert (row["rule"], row["holds"]) == ("CAP-WEEK", True)
    assert run("policy", "waive-revoke", waiver, "--as", "cora", "--home", shop).code == 0
    assert not run("policy", "waivers", "--home", shop, "--json").data[0]["holds"]
    never = run("policy", "waive", "TCPA-QUIET", "--reason", "x", "--as", "mia", "--home", shop)
    assert (never.code, "can never be waived" in never.err) == (1, True), never.err
