"""kill -9 at every node of the graph and at every step of delivery: nothing lost, nothing twice, nothing without an approval."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import small_shop

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).parent / "kill_driver.py"
APPROVE, EDIT, RESPOND, REJECT = ["approve"], ["edit", "approve"], ["respond", "approve"], ["reject"]
STRAIGHT = (
    "strategist",
    "audience_analyst",
    "content_writer",
    "experiment_design",
    "channel_planner",
    "compliance_reviewer",
    "submit",
    "decided",
    "launch",
)
OTHERS: dict[str, dict[str, Any]] = {
    "ask": {"goal": "Sell more?", "decisions": APPROVE},
    "content_revision": {"goal": "Sell more", "decisions": APPROVE, "writer_must_revise": True},
    "infeasible": {"goal": "Sell more for nothing", "decisions": []},
    "edited": {"goal": "Sell more", "decisions": EDIT},
    "heard": {"goal": "Sell more", "decisions": RESPOND},
    "closed": {"goal": "Sell more", "decisions": REJECT},
}
STEPS = (
    *(
        f"step:{name}:{when}"
        for name in ("decide", "mark_resumed", "launch", "lapse", "lease", "look", "mark", "deliver")
        for when in ("before", "after")
    ),
    "step:release_expired:before:2",
    "step:release_expired:after:2",
    "step:write:after:4",
    "step:write:after:25",
    "step:settle:before",
    "step:settle:after",
    "step:mark:after:3",
    "step:settle:before:3",
    "step:deliver:after:3",
)


def _cases() -> dict[str, dict[str, Any]]:
    straight = {"goal": "Sell more", "decisions": APPROVE}
    cases = {f"node:{name}:{when}": straight for name in STRAIGHT for when in ("before", "after")}
    cases |= {f"node:{name}:{when}": case for name, case in OTHERS.items() for when in ("before", "after")}
    cases["node:approval:before"] = straight
    del cases["node:ask:after"]
    return cases | {step: straight for step in STEPS}


CASES = _cases()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> dict[str, dict[str, Any]]:
    """Every case lived through, in one process that forks."""
    root = tmp_path_factory.mktemp("lives")
    template = root / "template"
    template.mkdir()
    shutil.copyfile(sqlite_template, template / "liftwright.db")
    deps = small_shop.open_shop(template)
    small_shop.furnish(deps, people=26)
    small_shop.close(deps)
    cases = {}
    for number, (point, case) in enumerate(CASES.items()):
        home = root / f"case-{number}"
        shutil.copytree(template, home)
        cases[point] = {**case, "point": point, "home": str(home)}
    (root / "cases.json").write_text(json.dumps(cases))
    run = subprocess.run(
        [sys.executable, str(DRIVER), str(root / "cases.json"), str(root / "results.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, dict[str, Any]] = json.loads((root / "results.json").read_text())
    for point, result in found.items():
        assert result["finished"], f"{point}\n{run.stderr[-3000:]}"
    return found


@pytest.mark.parametrize("point", CASES)
def test_the_process_really_died_there_and_the_next_one_finished(results: dict[str, Any], point: str) -> None:
    assert results[point]["killed"]
    wanted = {"infeasible": "infeasible", "closed": "rejected"}.get(point.split(":")[1], "running")
    assert results[point]["status"] == wanted
    assert results[point]["pending"] == 0
    assert results[point]["not_resumed"] == 0
    assert results[point]["journal_ok"]


@pytest.mark.parametrize("point", CASES)
def test_nothing_is_sent_twice(results: dict[str, Any], point: str) -> None:
    assert max(Counter(results[point]["effects"]).values(), default=1) == 1


@pytest.mark.parametrize("point", CASES)
def test_nothing_is_sent_without_an_approval_of_exactly_that_plan(results: dict[str, Any], point: str) -> None:
    found = results[point]
    assert {found["sends"][send_id] for send_id in found["effects"]} <= set(found["approved"])
    assert len(found["approved"]) <= 1
    if CASES[point]["decisions"][-1:] != APPROVE:
        assert found["effects"] == []


@pytest.mark.parametrize("point", CASES)
def test_nothing_is_lost(results: dict[str, Any], point: str) -> None:
    """Every approved touch was sent, or is known to be unknown: only on a channel without repeat protection, only what was in flight."""
    found = results[point]
    if CASES[point]["decisions"][-1:] != APPROVE:
        return
    assert len(found["sends"]) == found["touches"] > 0
    states = Counter(map(tuple, found["states"]))
    assert set(states) <= {("email", "sent"), ("sms", "sent"), ("sms", "unknown")}
    assert states[("sms", "unknown")] <= 9
    sent = states[("email", "sent")] + states[("sms", "sent")]
    assert sent <= len(found["effects"]) <= sent + states[("sms", "unknown")]
