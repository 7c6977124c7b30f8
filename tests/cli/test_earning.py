"""autonomy on the command line: what may run alone, said in words and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
Planned = tuple[Path, str, str]


def test_a_campaign_is_drilled_and_the_journal_tells_of_it(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    early = run("autonomy", "drill", campaign, "--as", "ann", "--home", home)
    assert (early.code, "awaiting approval" in early.err) == (1, True)
    assert run("approve", campaign, "--hash", plan_hash, "--as", "ann", "--home", home).code == 0
    done = run("autonomy", "drill", campaign, "--as", "ann", "--home", home, "--json")
    assert (done.code, done.data["passed"], done.data["let_through"]) == (0, True, 0)
    assert "passed" in run("autonomy", "history", "--home", home).out
    assert run("list", "--home", home, "--json").data[0]["status"] == "running"


def test_nothing_is_proposed_without_proof_and_a_wrong_name_is_said_so(run: Run, shop: Path) -> None:
    assert run("autonomy", "propose", "--home", shop).code == 1
    shown = run("autonomy", "show", "--home", shop, "--json").data
    assert (shown["start"], shown["cells"], shown["waiting"]) == ("controlled", [], [])
    wrong = run("autonomy", "sign", "l-0", "--as", "ann", "--home", shop)
    assert (wrong.code, "There is no proposal" in wrong.err) == (1, True)


def test_an_opportunity_is_a_command_away(run: Run, shop: Path) -> None:
    shown = run("opportunities", "--home", shop)
    assert shown.code == 0, shown.err
    assert 'liftwright plan "Sell more over the next 14 days to ' in shown.out
    assert run("opportunities", "--quiet-days", "0", "--home", shop).code == 2
