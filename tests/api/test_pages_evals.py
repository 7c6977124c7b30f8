"""Evals on pages: the newest run against what was before, the cases that flipped, and both outputs of one of them."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import Open, empty
from fastapi.testclient import TestClient

from liftwright.evaluation import targets
from liftwright.evaluation.cases import Case
from liftwright.evaluation.run import run_suite
from liftwright.evaluation.targets import Answer
from liftwright.flow import people
from liftwright.ports import Deps

SUITE = "goals_reader"
PAGE = f"/evals/{SUITE}"
NASTY = "<script>alert(1)</script>"
Spoil = Callable[[Case, Answer], Answer]


def words(client: TestClient, path: str) -> str:
    """What a page says, without its marks."""
    text = client.get(path).text.split("<main", 1)[1]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def forgets(*cases: str) -> Spoil:
    """A reader that forgets the objective of these cases and says something nasty in its summary."""

    def spoil(case: Case, answer: Answer) -> Answer:
        if case.id not in cases:
            return answer
        brief = answer.brief.model_copy(update={"objective": None, "summary": f"nothing {NASTY}", "missing": (NASTY,)})
        return replace(answer, brief=brief, calls=2, tokens=150)

    return spoil


@contextmanager
def reading(spoil: Spoil | None) -> Iterator[None]:
    """The reader of goals, spoiled."""
    plain = targets.TARGETS["goal_reading"]

    async def spoiled(case: Case, deps: Deps | None) -> Answer:
        answer = await plain(case, deps)
        return spoil(case, answer) if spoil else answer

    targets.TARGETS["goal_reading"] = spoiled
    try:
        yield
    finally:
        targets.TARGETS["goal_reading"] = plain


def run(deps: Deps, spoil: Spoil | None = None, *, suite: str = SUITE, limit: int | None = None) -> None:
    """A run as `liftwright eval run` stores it."""
    with reading(spoil):
        asyncio.run(run_suite(suite, deps=deps, home=deps.settings.home, limit=limit))


@pytest.fixture
def place(browse: Open, tmp_path: Path) -> tuple[TestClient, Deps]:
    return browse(empty(tmp_path))


def test_without_a_run_each_page_names_the_command_that_makes_one(place: tuple[TestClient, Deps]) -> None:
    client, _ = place
    assert "never run here" in words(client, "/evals")
    assert f"liftwright eval run {SUITE}" in words(client, "/evals")
    assert f"No run yet Run it in a terminal; it needs no network with the scripted model: liftwright eval run {SUITE}" in words(
        client, PAGE
    )
    assert "liftwright eval run redteam" in words(client, "/evals")
    assert client.get(f"{PAGE}/plain-01").status_code == 404


def test_a_first_run_is_shown_with_its_gate_in_words_and_nothing_to_compare_with(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    text = words(client, PAGE)
    assert "The suite's own gate is passed." in text
    assert "pass 60/60. There is no baseline and no earlier run on the same cases." in text
    assert "at least 54 must pass; 60 of 60 passed" in text
    assert "all 60 must pass; 60 of 60 passed" in text
    assert "60 of 60 cases; right is a case that every grader passed" in text


def test_the_newest_run_against_the_one_before_as_paired_counts(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps, forgets("plain-03"))
    run(deps, forgets("plain-01", "plain-02"))
    text = words(client, PAGE)
    assert "Run 0002 against run 0001" in text
    assert "pass 59/60 → 58/60; improved 1, regressed 2, same 57: worse" in text
    assert "Because missing_noticed must hold in every case, and 2 cases that passed it before failed it now: plain-01" in text
    assert "Regression: the suite's own gate is not passed." in text
    assert re.search(r"fields right at least 54 must pass; 58 of 60 passed 98\.3 % 96\.7 % -1\.7 \(-\d+\.\d to \+\d+\.\d\)", text)
    assert "4 calls, 300 tokens" in text
    assert "before: 2 calls, 150 tokens" in text
    assert "improved 1, regressed 2, same 57" in words(client, "/evals")


def test_many_cases_lost_are_said_to_be_worse(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    run(deps, forgets(*(f"plain-{n:02d}" for n in range(1, 16))))
    assert "regressed 15, same 45: worse" in words(client, PAGE)
    assert "points worse p = 6.1e-05" in words(client, PAGE)


@pytest.mark.parametrize(
    ("show", "cases"),
    [
        ("regressed", {"plain-01", "plain-02"}),
        ("improved", {"plain-03"}),
        ("failed", {"plain-01", "plain-02", "messy-01"}),
        ("<script>", None),
    ],
)
def test_cases_are_filtered_and_each_leads_to_its_page(place: tuple[TestClient, Deps], show: str, cases: set[str] | None) -> None:
    client, deps = place
    run(deps, forgets("plain-03", "messy-01"))
    run(deps, forgets("plain-01", "plain-02", "messy-01"))
    text = client.get(PAGE, params={"show": show}).text
    found = re.findall(rf'href="({PAGE}/([\w-]+)\?run=0002)"', text)
    assert {name for _, name in found} == cases if cases else len(found) == 60
    assert all(client.get(path).status_code == 200 for path, _ in found[:3])
    assert "<script>" not in text


def test_one_case_shows_both_outputs_their_difference_and_what_graders_said(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    run(deps, forgets("plain-01"))
    page = client.get(f"{PAGE}/plain-01").text
    text = words(client, f"{PAGE}/plain-01")
    assert "Before: run 0001" in text
    assert "objective metric: revenue" in text
    assert "Now: run 0002" in text
    assert re.search(r"fields right pass FAIL (?!nothing to say)\S", text), "the grader's reason"
    assert re.search(r"<del><span[^>]*>gone: </span>[^<]*objective", page)
    assert re.search(r"<ins><span[^>]*>new: </span>[^<]*nothing", page)
    assert "2 calls, 150 tokens" in text
    assert "Both are the same." in words(client, f"{PAGE}/plain-02")


def test_what_models_say_stays_words(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps, forgets("plain-01"))
    for path in (
        PAGE,
        f"{PAGE}/plain-01",
        f"{PAGE}/{NASTY.replace('/', '%2F')}",
        f"{PAGE}?run={NASTY}",
        f"{PAGE}?against={NASTY}",
    ):
        assert "<script>" not in client.get(path).text, path
    assert NASTY in words(client, f"{PAGE}/plain-01").replace("nothing ", "")


def test_a_suite_with_a_baseline_is_held_against_it_and_a_run_on_demand(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps, suite="goals")
    run(deps, suite="goals")
    text = words(client, "/evals/goals")
    assert "Run 0002 against the baseline The gate is passed." in text
    assert "improved 0, regressed 0, same 60: non-inferior Because no score changed" in text
    assert "the baseline keeps scores only" in text
    case = client.get("/evals/goals/plain-01").text
    assert "The baseline keeps scores and no outputs." in case
    assert 'href="?run=0002&amp;against=0001"' in case
    assert "Run 0002 against run 0001" in words(client, "/evals/goals?against=0001")
    assert "Run 0001 against the baseline" in words(client, "/evals/goals?run=0001&against=baseline")


def test_a_run_under_way_is_inconclusive_and_its_torn_line_is_left_out(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps, limit=5)
    for name in ("results.jsonl", "outputs.jsonl"):
        with (deps.settings.home / "evals" / SUITE / "0001" / name).open("a") as file:
            file.write('{"case": "plain-0')
    assert "Inconclusive: 5 of 60 cases were judged." in words(client, PAGE)
    assert "Inconclusive: 5 of 60" in words(client, "/evals")


def test_a_run_that_cannot_be_read_is_named_and_hides_no_other(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    run(deps, suite="goals_practice")
    (deps.settings.home / "evals" / SUITE / "0001" / "results.jsonl").write_text("broken\n")
    answer = client.get(PAGE)
    assert answer.status_code == 422
    assert "results.jsonl of run 0001 has a line that cannot be read." in answer.text
    assert "Cannot be read." in words(client, "/evals")
    assert "80 of 80 cases" in words(client, "/evals")


def test_runs_on_other_cases_are_not_compared(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    run(deps)
    header = deps.settings.home / "evals" / SUITE / "0001" / "run.json"
    header.write_text(re.sub(r'("dataset_sha256": ")\w+', r"\g<1>" + "0" * 64, header.read_text()))
    assert "There is no baseline and no earlier run on the same cases." in words(client, PAGE)
    assert "Run 0001 was on other cases." in words(client, f"{PAGE}?against=0001")
    assert "This suite has no baseline yet." in words(client, f"{PAGE}?against=baseline")
    assert "The cases have changed since this run." in words(client, f"{PAGE}?run=0001")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/evals/goals_reeder", 422),
        (f"{PAGE}?run=0009", 404),
        (f"{PAGE}?run=../../x", 404),
        (f"{PAGE}?against=0009", 404),
        (f"{PAGE}/no-such-case", 404),
        ("/evals/..%2F..%2Fsecrets", 404),
    ],
)
def test_what_does_not_exist_is_said_to(place: tuple[TestClient, Deps], path: str, status: int) -> None:
    client, deps = place
    run(deps)
    assert client.get(path).status_code == status


def test_a_stranger_sees_nothing_of_it(place: tuple[TestClient, Deps]) -> None:
    client, deps = place
    run(deps)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    for path in ("/evals", PAGE, f"{PAGE}/plain-01"):
        assert client.get(path).url.path == "/sign-in"
