"""The baseline set by page, and the pages of evals as one file: both say what the terminal says."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from browsing import Open, send, token
from fastapi.testclient import TestClient

from liftwright import wiring
from liftwright.api.pages import evals_file
from liftwright.evaluation import gating
from liftwright.evaluation.baseline import load_baseline
from liftwright.flow import people
from liftwright.ports import Deps
from stored_runs import Place

PAGE, FORM = "/evals/small", "/evals/small/baseline"
NASTY = "<script>alert(1)</script>\"'&"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Runs of one small suite, which is the only one there is."""
    found = Place(tmp_path)
    monkeypatch.setattr(wiring, "shipped", lambda _: found.folder)
    found.store()
    return found


@pytest.fixture
def opened(browse: Open, place: Place) -> tuple[TestClient, Deps]:
    client, deps = browse(place.home)
    place.home = deps.settings.home
    return client, deps


def accepted(place: Place) -> str | None:
    """The run that is the baseline."""
    found = load_baseline("small", folder=place.folder)
    return found.accepted.run if found and found.accepted else None


def test_a_run_becomes_the_baseline_and_its_page_says_who_and_why(opened: tuple[TestClient, Deps], place: Place) -> None:
    client, deps = opened
    assert "This suite has none yet." in client.get(PAGE).text
    answer = send(client, FORM, PAGE, run="0001", by="Ann", reason=NASTY)
    assert answer.status_code == 200
    assert str(answer.url).endswith("/evals/small?run=0001&against=baseline")
    assert "run 0001, accepted by Ann" in answer.text
    assert "<script>alert" not in answer.text
    assert accepted(place) == "0001"
    assert deps.journal.entries(subject="small")[-1].actor == "Ann"


def test_the_page_and_the_terminal_say_the_same_of_the_same_run(opened: tuple[TestClient, Deps], place: Place) -> None:
    client, _ = opened
    send(client, FORM, PAGE, run="0001", by="Ann", reason="first")
    for failed in (1, 3, 9, 15):
        run = place.store(place.cases[:failed])
        said = gating.gate("small", home=place.home)
        text = client.get(PAGE).text
        assert said.comparison is not None
        assert said.run == run
        assert (
            f"<strong>{said.comparison.says}</strong>" in text or f'<strong class="lost">{said.comparison.says}</strong>' in text
        )
        assert said.rule in text
        assert {"pass": "The gate is passed.", "inconclusive": "Inconclusive", "regression": "Regression: the gate"}[
            said.verdict
        ] in text


def _says(text: str) -> str:
    """What a page says, without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


@pytest.mark.parametrize("why", ["no baseline", "a baseline of other cases", "a run on other cases"])
def test_what_the_gate_cannot_judge_is_not_judged_by_page_or_file_either(
    opened: tuple[TestClient, Deps], place: Place, why: str
) -> None:
    client, deps = opened
    if why != "no baseline":
        send(client, FORM, PAGE, run="0001", by="Ann", reason="first")
        assert "The gate is passed." in client.get(PAGE).text
        place.write_cases(dict.fromkeys(place.cases, "k"))
    if why == "a baseline of other cases":
        place.store()
    said = gating.gate("small", home=place.home)
    assert (said.verdict, said.exit_code) == ("harness_error", 3)
    for text in (client.get(PAGE).text, client.get("/evals").text, evals_file.whole(["small"], home=place.home, now=deps.now())):
        assert f"Not judged: liftwright eval gate small ends with exit code 3. {said.rule}" in _says(text)
        assert "The gate is passed." not in text
    assert ("The suite's own gate is passed." in client.get(PAGE).text) == (why != "a run on other cases")


def test_what_fails_the_suite_s_own_gate_is_a_regression_with_no_baseline_too(
    opened: tuple[TestClient, Deps], place: Place
) -> None:
    client, _ = opened
    place.store(place.cases[:30])
    assert gating.gate("small", home=place.home).verdict == "regression"
    text = _says(client.get(PAGE).text)
    assert "Regression: the suite's own gate is not passed." in text
    assert "Not judged" not in text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"run": "0001", "by": "Ann", "reason": "  "}, 422),
        ({"run": "0001", "by": "Ann"}, 422),
        ({"run": "0001", "by": "Ann", "reason": "x" * 5000}, 422),
        ({"run": "0001", "by": " ", "reason": "why"}, 422),
        ({"by": "Ann", "reason": "why"}, 404),
        ({"run": "0042", "by": "Ann", "reason": "why"}, 404),
        ({"run": "../../x", "by": "Ann", "reason": "why"}, 404),
        ({"run": "0002", "by": "Ann", "reason": "why"}, 422),
    ],
)
def test_a_form_that_says_too_little_or_names_a_bad_run_changes_nothing(
    opened: tuple[TestClient, Deps], place: Place, fields: dict[str, str], status: int
) -> None:
    client, _ = opened
    place.store(invented=["c07"])
    assert send(client, FORM, PAGE, **fields).status_code == status
    assert accepted(place) is None


def test_only_a_form_of_ours_by_somebody_who_decides_counts(opened: tuple[TestClient, Deps], place: Place) -> None:
    client, deps = opened
    fields = {"run": "0001", "by": "ada", "reason": "why"}
    assert client.post(FORM, data={"token": "0" * 80, **fields}).status_code == 403
    given = token(client, PAGE)
    for name, role in (("ada", "admin"), ("ann", "analyst")):
        people.put(name, roles=[role], is_active=True, by="ada", deps=deps)
    keys = {name: people.new_key(name, by=name, deps=deps) for name in ("ada", "ann")}
    assert client.post(FORM, data={"token": given, **fields}).status_code == 401
    send(client, "/sign-in", "/sign-in", name="ann", key=keys["ann"])
    assert "sets no baseline" in client.get(PAGE).text
    assert 'name="reason"' not in client.get(PAGE).text
    assert send(client, FORM, "/settings", **fields).status_code == 403
    assert accepted(place) is None
    send(client, "/sign-in", "/sign-in", name="ada", key=keys["ada"])
    assert send(client, FORM, PAGE, **fields | {"by": "somebody else"}).status_code == 200
    assert deps.journal.entries(subject="small")[-1].actor == "ada", "the name of the session counts"


def test_the_file_stands_alone_and_what_models_say_stays_words(opened: tuple[TestClient, Deps], place: Place) -> None:
    _, deps = opened
    place.store(["c03", "c04"], reason=NASTY)
    text = evals_file.whole(["small"], home=place.home, now=deps.now())
    assert "small: run 0002 against run 0001" in text
    assert "&lt;script&gt;alert(1)" in text
    for outside in ("<script", "<link", "<img", "<form", "http://", "https://", "url(", "@import", ' src="', ' href="/'):
        assert outside not in text, outside
    assert re.search(r"style-src 'sha256-[\w+/=]{44}'", text.replace("&#39;", "'"))
    links = re.findall(r'href="#([^"]+)"', text)
    assert links == ["c-small-c03", "c-small-c04"]
    assert all(f'id="{link}"' in text for link in links)
