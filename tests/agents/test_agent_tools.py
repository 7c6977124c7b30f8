"""What a model is given: tools without effect, aggregates only, and exactly the prompts and schemas on record."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_bench import BRIEF, GOAL, OBJECTIVE, REPORT, bench, deps, plan
from hypothesis import given
from hypothesis import strategies as st
from players import Player, calls

from liftwright.agents import (
    audience_analyst,
    channel_planner,
    compliance_reviewer,
    content_writer,
    measurement_analyst,
    strategist,
    tools,
)
from liftwright.agents.rendering import SUBMIT, render
from liftwright.agents.tools import looking, making
from liftwright.agents.tools.aggregates import quoted, suppressed
from liftwright.domain.errors import ConfigError
from liftwright.domain.prompt import Prompt
from liftwright.library import DiskLibrary
from on_record import matches_golden

EFFECTS = re.compile(
    r"send|deliver|dispatch|launch|approv|import|export|reject|stop|save|delete|write_|execute|pay|mail|upload|fetch|http|sql"
)
Run = Callable[[Any], Awaitable[Any]]
MAY = DiskLibrary().policies().tools
"""Agent to tools, from policies/tools.yaml."""
PEOPLE: dict[str, tuple[tuple[str, ...], Run]] = {
    "strategist": (MAY["strategist"], lambda d: strategist.propose(GOAL, bench=bench(), deps=d)),
    "audience_analyst": (MAY["audience_analyst"], lambda d: audience_analyst.propose(OBJECTIVE, bench=bench(), deps=d)),
    "content_writer": (MAY["content_writer"], lambda d: content_writer.propose(OBJECTIVE, bench=bench(), deps=d)),
    "channel_planner": (MAY["channel_planner"], lambda d: channel_planner.propose(OBJECTIVE, (), bench=bench(), deps=d)),
    "compliance_reviewer": (MAY["compliance_reviewer"], lambda d: compliance_reviewer.review(plan(), bench=bench(), deps=d)),
    "measurement_design": (
        MAY["measurement_analyst"],
        lambda d: measurement_analyst.design(OBJECTIVE, bench().eligible(OBJECTIVE), bench=bench(), deps=d),
    ),
    "measurement_narrate": (MAY["measurement_analyst"], lambda d: measurement_analyst.narrate(REPORT, deps=d)),
}


@pytest.mark.parametrize("person", PEOPLE)
async def test_what_a_model_sees_is_on_record(person: str) -> None:
    player = Player(replies=["nothing"])
    await PEOPLE[person][1](deps(player, max_calls=2))
    matches_golden(f"prompts/{person}.txt", f"{player.heard[0][0].text}\n")
    matches_golden(
        f"tools/{person}.json", json.dumps(player.schemas_of_tools, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )


@pytest.mark.parametrize("person", PEOPLE)
async def test_a_model_is_given_only_the_tools_of_its_role(person: str) -> None:
    declared, run = PEOPLE[person]
    player = Player(replies=["nothing"])
    await run(deps(player, max_calls=1))
    offered = player.offered[0]
    assert offered[-1] == SUBMIT
    assert set(offered[:-1]) <= set(declared)
    assert not [name for name in offered if EFFECTS.search(name)]


async def test_every_tool_of_the_table_is_offered_by_somebody_and_none_that_is_not() -> None:
    offered: dict[str, set[str]] = {}
    for person, (_, run) in PEOPLE.items():
        player = Player(replies=["nothing"])
        await run(deps(player, max_calls=1))
        role = "measurement_analyst" if person.startswith("measurement") else person
        offered.setdefault(role, set()).update(player.offered[0][:-1])
    assert offered == {agent: set(names) for agent, names in MAY.items()}


async def test_a_tool_taken_out_of_the_table_is_taken_from_the_agent() -> None:
    class Closed(DiskLibrary):
        def policies(self) -> Any:
            bundle = super().policies()
            return bundle.model_copy(update={"tools": {"strategist": ("read_goal",)}})

    player = Player(replies=[calls(("find_lessons", {"query": "x"})), "nothing"])
    given = replace(deps(player, max_calls=3), library=Closed())
    result = await strategist.propose(GOAL, bench=bench(), deps=given)
    assert player.offered[0] == ["read_goal", SUBMIT]
    rules = {finding.rule for finding in result.findings}
    assert {"AGENT-TOOL-CLOSED", "AGENT-UNKNOWN-TOOL"} <= rules  # it asked for it, and nothing happened
    writer = await content_writer.propose(OBJECTIVE, bench=bench(), deps=given)
    assert {finding.rule for finding in writer.findings} >= {"AGENT-TOOL-CLOSED"}  # an agent without a row has no tool


def test_every_prompt_names_its_tools_and_its_role() -> None:
    library = DiskLibrary()
    for person in PEOPLE:
        prompt = library.prompt(person)
        role = "measurement_analyst" if person.startswith("measurement") else person
        assert prompt.body.strip().splitlines()[0] == f"role: {role}"
        assert SUBMIT in prompt.body
        named = set(re.findall(r"`([a-z]+_[a-z_]+)`", prompt.body))
        known = {name for tools_of, _ in PEOPLE.values() for name in tools_of}
        assert {name for name in named if name in known} <= set(PEOPLE[person][0])


def test_no_file_of_the_agents_can_reach_an_executor() -> None:
    root = Path(tools.__file__).parents[1]
    barred = ("liftwright.flow", "liftwright.channels", "liftwright.store", "liftwright.llm", "liftwright.cli", "liftwright.api")
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(barred)], path


def test_no_tool_touches_a_port_with_an_effect() -> None:
    ports = {
        "ledger",
        "approvals",
        "campaigns",
        "journal",
        "channels_of",
        "checkpointer",
        "locks",
        "deliver",
        "launch",
        "put",
        "add",
    }
    for path in sorted(Path(tools.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in {"bench", "deps", "data"}
            ):
                assert node.attr not in ports, f"{path.name}: {node.attr}"


def test_small_groups_are_not_shown() -> None:
    shown = json.loads(looking.population_counts(bench()).invoke({}))
    assert shown["countries"] == {"US": 9_985, "CA": "fewer than 20"}
    counted = json.loads(looking.segment_counts(bench(), OBJECTIVE).invoke({"phrase": "hermits"}))
    assert counted["people"] == "fewer than 20"
    tested = json.loads(looking.past_tests(bench()).invoke({}))["tests"]
    assert [test["action"] for test in tested] == ["email:none"]


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 60), min_size=1))
def test_no_count_from_1_to_19_is_ever_shown(counts: dict[str, int]) -> None:
    shown = suppressed({"groups": counts, "rows": [{"segment": "x", "people": n} for n in counts.values()]})
    numbers = [n for n in re.findall(r"(?<=[ :\[])\d+(?=[,}\]])", json.dumps([shown["groups"], shown["rows"]]))]
    assert not [n for n in numbers if 0 < int(n) < 20]


def test_documents_are_quoted_without_contact_data_or_invisible_characters() -> None:
    text = "Call us: 202-555-0147 or help@example.org.\u202e\U000e0041 Be plain. " + "x" * 2_000
    seen = bench(found_documents=[{"document_id": "d", "title": "T", "text": text}])
    document = json.loads(looking.find_documents(seen).invoke({"query": "tone"}))["documents"][0]
    assert "[removed]" in document["text"]
    assert not re.search(r"555|help@|\u202e|\U000e0041", document["text"])
    assert len(document["text"]) <= 800
    assert quoted("kept as it is") == "kept as it is"


def test_days_and_amounts_are_not_taken_for_telephone_numbers() -> None:
    plain = "From 2026-11-02 2026-11-16 (02.11.2026) it brings 1234567.89; sent 2026-11-02 14:00."
    assert quoted(plain) == plain
    for number in ("+1 212 555 0100", "(212) 555-0100", "212.555.0100", "0049 30 901820", "2125550100"):
        assert quoted(f"ring {number} today") == "ring [removed] today"


def test_the_experiment_tool_hides_the_salt_and_refuses_odd_shares() -> None:
    tool = making.experiment_design(bench(), OBJECTIVE, bench().eligible(OBJECTIVE))
    assert "pepper" not in tool.invoke({})
    with pytest.raises(ValueError, match="outside"):
        tool.invoke({"holdout_share": 0.9})


def test_a_preview_stays_within_what_is_open() -> None:
    seen = bench()
    shown: list[dict[str, Any]] = []
    tool = making.draft_assignment(
        seen,
        OBJECTIVE,
        eligible=seen.eligible(OBJECTIVE),
        experiment=seen.design(OBJECTIVE, None),
        variants=(),
        most=3,
        seen=shown,
    )
    preview = json.loads(tool.invoke({"channels": ["email", "sms"], "offers": ["none"], "touches": 2}))
    assert preview["objective"] == 100.0
    assert preview["by_channel"] == {"email": 4_490, "push": "fewer than 20"}
    assert shown == [preview]
    for wrong in ({"channels": ["sms"]}, {"offers": ["yacht"]}, {"touches": 4}):
        with pytest.raises(ValueError, match="must"):
            tool.invoke({"channels": ["email"], "offers": ["none"], "touches": 1} | wrong)


def test_a_free_text_is_checked_by_the_content_rules() -> None:
    tool = making.policy_check(bench(), OBJECTIVE)
    assert json.loads(tool.invoke({"text": "Guaranteed!", "channel": "email"}))["passes"] is False
    assert json.loads(tool.invoke({"text": "Hello.", "channel": "email"})) == {"findings": [], "passes": True}


def test_the_goal_tool_gives_the_rules_reading() -> None:
    assert json.loads(looking.read_goal(bench(), GOAL).invoke({})) == BRIEF.model_dump(mode="json")


def test_a_prompt_is_filled_once_and_only_with_its_inputs() -> None:
    prompt = Prompt(name="p", version=1, inputs=("a",), output="X", body="{{a}} and \\{{first_name}}\n", digest="")
    assert render(prompt, {"a": "{{b}}"}) == "{{b}} and {{first_name}}"
    with pytest.raises(ConfigError, match="PROMPT-INPUTS"):
        render(prompt, {})
    with pytest.raises(ConfigError, match="PROMPT-INPUTS"):
        render(Prompt(name="p", version=1, inputs=(), output="X", body="{{a}}", digest=""), {"a": "1"})
