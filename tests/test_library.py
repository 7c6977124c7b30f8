"""prompts/ and policies/ from disk: typed, hashed, and plain about what is wrong where."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftwright.domain.errors import ConfigError, PolicyError
from liftwright.library import DiskLibrary, parse_prompt

RULE = """
- id: OWN-1
  version: 1
  scope: person
  applies: {country: [EU, "NO"]}
  effective: {from: 2026-01-01, until: 2026-12-31}
  violated_when: is_minor
  severity: block
  says: No.
  fix: Stop.
  source: {cite: House rule, checked_on: 2026-11-21, confidence: own}
  tests:
    - {name: 10:00, facts: {is_minor: true}, violates: true}
    - {facts: {is_minor: false}, violates: false}
"""
PROMPT = "---\nname: hello\nversion: 2\ninputs: [who]\noutput: Brief\n---\nDear {{who}}, keep \\{{first_name}} as it is.\n"


def _with_rule(tmp_path: Path, text: str, name: str = "business/own.yaml") -> DiskLibrary:
    path = tmp_path / "policies" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return DiskLibrary(tmp_path)


def test_the_shipped_rules_load_and_their_digest_does_not_change_between_readings() -> None:
    first, second = DiskLibrary().policies(), DiskLibrary().policies()
    assert first == second
    assert first.digest.startswith("sha256:")
    assert len(first.digest) == 71
    assert {"TCPA-QUIET", "SUPPRESSED", "HOLDOUT", "MARGIN-FLOOR", "CLAIM-EVIDENCE"} <= {rule.id for rule in first.rules}
    assert [rule.id for rule in first.rules] == sorted(rule.id for rule in first.rules)


def test_an_operators_rule_is_added_and_changes_the_digest(tmp_path: Path) -> None:
    library = _with_rule(tmp_path, RULE)
    rule = next(rule for rule in library.policies().rules if rule.id == "OWN-1")
    assert {"DE", "FR", "NO"} <= set(rule.applies["country"])
    assert (rule.effective_from.isoformat(), rule.tests[0].name) == ("2026-01-01", "10:00")
    assert library.policies().digest != DiskLibrary().policies().digest
    assert library.where("OWN-1") == "policies/business/own.yaml:2"


def test_an_operators_file_replaces_the_shipped_file_of_the_same_path(tmp_path: Path) -> None:
    library = _with_rule(tmp_path, "[]", "law/us/tcpa.yaml")
    ids = {rule.id for rule in library.policies().rules}
    assert "TCPA-QUIET" not in ids
    assert "CANSPAM-MECH" in ids


def test_an_edited_file_is_noticed_without_a_restart(tmp_path: Path) -> None:
    library = _with_rule(tmp_path, RULE)
    before = library.policies().digest
    _with_rule(tmp_path, RULE.replace("says: No.", "says: Never at all."))
    assert library.policies().digest != before


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("severity: block", "severity: blok"), "POLICY-FORM", "severity"),
        (("scope: person", "scop: person"), "POLICY-FORM", "scope"),
        (("checked_on: 2026-11-21", "checked_on: soon"), "POLICY-FORM", "checked_on"),
        (("until: 2026-12-31", "until: 2025-12-31"), "POLICY-DATES", "before it starts"),
        (("violates: false", "violates: true"), "POLICY-TESTS", "one that does not"),
        (("- id: OWN-1", "- id: TCPA-QUIET"), "POLICY-DUPLICATE", "tcpa.yaml"),
        (("  version: 1", "  version: 1\n  version: 2"), "POLICY-SYNTAX", "twice"),
        (("confidence: own", "confidence: certain"), "POLICY-FORM", "confidence"),
        (("  fix: Stop.\n", ""), "POLICY-FORM", "fix"),
        (('[EU, "NO"]', "[1]"), "POLICY-FORM", "list of words"),
        (("{from:", "{start:"), "POLICY-FORM", "effective"),
    ],
)
def test_a_broken_rule_is_refused_with_its_file_and_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], code: str, words: str
) -> None:
    broken = RULE.replace(*change)
    assert broken != RULE
    with pytest.raises(PolicyError) as caught:
        _with_rule(tmp_path, broken).policies()
    assert caught.value.code == code
    assert "policies/" in caught.value.says
    assert words in caught.value.says


def test_a_file_that_is_no_list_of_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="list of rules"):
        _with_rule(tmp_path, "id: X").policies()
    with pytest.raises(PolicyError, match=r"own\.yaml:[12]"):
        _with_rule(tmp_path, "- {id: [").policies()


@pytest.mark.parametrize(
    "text",
    [
        "facts: [{name: country, type: words, scope: [person]}]",
        "facts: [{name: Country, type: text, scope: [person]}]",
        "facts: [{name: country, type: text, scope: [nobody]}]",
        "facts: [{name: a, type: text, scope: [person]}, {name: a, type: text, scope: [person]}]",
        "groups: {}",
    ],
)
def test_a_fact_schema_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match=r"facts\.yaml"):
        _with_rule(tmp_path, text, "schema/facts.yaml").policies()


def test_templates_come_with_the_banned_wording() -> None:
    data = DiskLibrary().templates()
    assert {"email", "sms", "push", "direct_mail", "voice", "paid_social", "display", "web"} == {
        t["channel"] for t in data["templates"]
    }
    assert "no strings attached" in data["banned"]
    assert data["merge_tags"] == ["first_name"]


def test_a_prompt_is_read_with_its_front_matter_and_a_digest_of_its_text() -> None:
    prompt = parse_prompt(PROMPT, name="hello", where="prompts/hello.md")
    assert (prompt.name, prompt.version, prompt.inputs, prompt.output) == ("hello", 2, ("who",), "Brief")
    assert "{{who}}" in prompt.body
    assert prompt.digest != parse_prompt(PROMPT + "!", name="hello", where="x").digest


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("{{who}}", "{{whom}}"), "PROMPT-PLACE", "Did you mean 'who'?"),
        (("{{who}}", "you"), "PROMPT-INPUT", "who"),
        (("version: 2\n", ""), "PROMPT-FORM", "version"),
        (("name: hello", "name: goodbye"), "PROMPT-FORM", "hello"),
        (("---\nname", "name"), "PROMPT-FORM", "front matter"),
        (("version: 2", "version: two"), "PROMPT-FORM", "version"),
        (("inputs: [who]", "inputs: [who"), "PROMPT-FORM", "hello.md"),
    ],
)
def test_a_prompt_that_does_not_fit_its_front_matter_is_refused(change: tuple[str, str], code: str, words: str) -> None:
    broken = PROMPT.replace(*change)
    assert broken != PROMPT
    with pytest.raises(ConfigError) as caught:
        parse_prompt(broken, name="hello", where="prompts/hello.md")
    assert caught.value.code == code
    assert words in caught.value.says


def test_an_operators_prompt_replaces_the_shipped_one_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "hello.md").write_text(PROMPT, encoding="utf-8")
    library = DiskLibrary(tmp_path)
    assert library.prompt("hello").version == 2
    assert "hello" in [prompt.name for prompt in library.prompts()]
    with pytest.raises(ConfigError, match="Did you mean 'hello'"):
        library.prompt("helo")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("read_goal: read", "read_goal: execute"), "'execute' is no mode of read_goal"),
        (("strategist: [read_goal", "strategist: [read_gaol"), "Did you mean 'read_goal'?"),
        (("  strategist:", "  strategst:"), "Did you mean 'strategist'?"),
        (("agents:", "agent:"), "no 'agents:'"),
        (("tools:", "tool:"), "no 'tools:'"),
    ],
)
def test_a_table_of_tools_that_gives_what_there_is_not_is_refused(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    text = (DiskLibrary().directory("policies") / "tools.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    with pytest.raises(PolicyError, match=r"policies/tools\.yaml") as caught:
        _with_rule(tmp_path, text.replace(*change, 1), name="tools.yaml").policies()
    assert words in caught.value.says


def test_the_table_of_tools_is_in_the_digest(tmp_path: Path) -> None:
    text = (DiskLibrary().directory("policies") / "tools.yaml").read_text(encoding="utf-8")
    fewer = _with_rule(
        tmp_path, text.replace("strategist: [read_goal, find_lessons]", "strategist: [read_goal]"), name="tools.yaml"
    )
    assert fewer.policies().tools["strategist"] == ("read_goal",)
    assert fewer.policies().digest != DiskLibrary().policies().digest
