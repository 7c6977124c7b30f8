"""A campaign's results: the verdict by rule, every figure with its evidence, nothing quoted that must not be, files to take along."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest
from browsing import Open, Waiting, send
from hypothesis import example, given
from hypothesis import strategies as st

import plain_shop
from liftwright.api.pages.downloads import as_csv
from liftwright.api.pages.drawing import rail
from liftwright.evaluation.exporting import FORMULA
from liftwright.flow import answers, forgetting, results
from liftwright.measurement import integrity


class Figures(HTMLParser):
    """Every <dd> and <td class="n"> of a page: its text, the addresses it links, and whether it holds or stands in a <details>."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(str(given.get("id", "")))
        if tag == "dd" or (tag == "td" and "n" in (given.get("class") or "").split()):
            self._open.append({"tag": tag, "text": "", "links": [], "details": False})
            self.found.append(self._open[-1])
        for each in self._open:
            each["details"] |= tag == "details"
            if tag == "a":
                each["links"].append(str(given.get("href", "")))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1]["tag"] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each["text"] += data


def unproven(text: str, *, until: str = "</main>") -> list[str]:
    """Figures of a page's main part, up to a place in it, that lead to no evidence."""
    whole, page = Figures(), Figures()
    whole.feed(text)
    page.feed(text.split("<main", 1)[1].split(until, 1)[0])
    has = [each for each in page.found if each["text"].strip()]
    assert len(has) > 5
    lost = [link for each in has for link in each["links"] if link.startswith("#") and unquote(link[1:]) not in whole.ids]
    assert lost == [], "a link to evidence that is not on the page"
    words_only = [each for each in has if not re.search(r"\d", each["text"])]
    return [each["text"] for each in has if each not in words_only and not each["links"] and not each["details"]]


def test_every_figure_of_a_campaign_and_of_a_person_leads_to_its_evidence(measured: Waiting) -> None:
    client, _, campaign = measured
    for path in (f"/campaigns/{campaign.campaign_id}", f"/explain/C000001?campaign={campaign.campaign_id}"):
        assert unproven(client.get(path).text) == [], path
    printed = client.get(f"/campaigns/{campaign.campaign_id}/report.html").text
    assert unproven(printed, until='<dl class="evidence">') == []


def test_the_walker_finds_a_bare_figure() -> None:
    rows = "".join(f'<td class="n"><a href="/x">{n}</a></td>' for n in range(6))
    assert unproven(f"<main>{rows}<dd>7 people</dd></main>") == ["7 people"]


def test_evidence_shows_the_query_the_digests_and_the_same_figure_asked_again(measured: Waiting) -> None:
    client, deps, campaign = measured
    name = campaign.campaign_id
    page = client.get(f"/campaigns/{name}").text
    links = sorted(set(re.findall(rf'href="(/campaigns/{name}/evidence/[^"]+)"', page)))
    assert len(links) > 50
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert "has changed since" not in answer.text, link
        assert re.search(r"<code>(sha256:)?[0-9a-f]{64}</code>", answer.text), link
    lift = client.get(f"/campaigns/{name}/evidence/lift").text
    assert "Asked now, it answers" in lift
    assert plain_shop.plan_of(deps, name).audience.digest in lift
    assert "Journal entry" in client.get(f"/campaigns/{name}/evidence/series.0").text
    assert client.get(f"/campaigns/{name}/evidence/nothing").status_code == 404


def test_a_running_campaign_says_what_may_be_concluded_and_what_happened_when(measured: Waiting) -> None:
    client, _, campaign = measured
    text = client.get(f"/campaigns/{campaign.campaign_id}").text
    assert "standard errors" in text or "nothing is decided" in text
    marks = re.findall(r'<span data-mark="(\w+)" data-at="([^"]+)">([^<]+)</span>', text)
    assert [kind for kind, _, says in marks if says == "launched"] == ["approval"], "the launch is marked beside the looks"
    assert ("send", "wave 1 begins to leave") in {(kind, says) for kind, _, says in marks}
    assert "reallocation" in {kind for kind, _, _ in marks}
    assert [at for _, at, _ in marks] == sorted(at for _, at, _ in marks)
    for title in ("Primary", "Guardrails", "Secondary", "Pacing", "May it be believed?", "Texts against each other"):
        assert f">{title}</h2>" in text
    assert "opt out" in text
    assert 'class="limit"' in text or '<th scope="col">Limit</th>' in text


def test_the_page_says_how_many_are_compared_and_the_strategist_is_asked_why_from_here(measured: Waiting) -> None:
    client, deps, campaign = measured
    page = f"/campaigns/{campaign.campaign_id}"
    text = client.get(page).text
    arms = {arm["arm"]: arm["people"] for arm in results.of(campaign.campaign_id, deps=deps)["report"]["arms"]}
    for arm, people in arms.items():
        assert re.search(rf'{arm} <a class="fig" href="{page}/evidence/arms\.{arm}\.people">{people}</a>', text)
    asked = re.search(r'name="text" value="([^"]+)"><button>Ask the strategist why', text)
    assert asked
    said = answers.answer(asked[1], campaign.campaign_id, deps=deps)
    assert "Compared with" in said, "what is measured so far"
    assert "nothing is decided" in said or "standard errors" in said, "and by which rule"
    assert send(client, "/talks", page, campaign=campaign.campaign_id, text=asked[1]).url.path.startswith("/c/")


def test_a_running_campaign_is_paused_and_goes_on_by_page_as_often_as_somebody_says_so(measured: Waiting) -> None:
    client, deps, campaign = measured
    page = f"/campaigns/{campaign.campaign_id}"
    for _ in range(2):
        assert send(client, page, page, do="pause", by="Ann", reason="stock is short").status_code == 200
        assert deps.campaigns.get(campaign.campaign_id).status == "paused"
        twice = send(client, page, page, do="pause", by="Ann", reason="stock is short")
        assert twice.status_code == 409
        assert "nothing to pause" in twice.text
        assert "Let it go on" in client.get(page).text
        send(client, page, page, do="resume", by="Ann", reason="it came")
        assert deps.campaigns.get(campaign.campaign_id).status == "running"
    assert send(client, page, page, do="pause", by="Ann", reason=" ").status_code == 422
    kinds = [(action.kind, action.by) for action in deps.campaigns.actions(campaign.campaign_id) if action.rule == "PERSON"]
    assert set(kinds) == {("pause", "Ann"), ("resume", "Ann")}
    assert deps.journal.verify()[0]


def test_effects_by_group_are_called_exploratory_and_each_is_its_own_small_experiment(measured: Waiting) -> None:
    client, deps, campaign = measured
    found = results.of(campaign.campaign_id, deps=deps)
    text = client.get(f"/campaigns/{campaign.campaign_id}").text
    assert "(exploratory)</h2>" in text
    assert len(found["segments"]) > 1
    lift = found["report"]["lift"]
    for key in found["segments"]:
        figure = found["figures"][key]
        assert f"{figure['name'].partition(': ')[2]}</th>" in text
        assert figure["level"] > lift["level"], "several are looked at together"
        assert "segment = " in figure["query"]
    assert results.is_effect(found["segments"][0]), "struck through where the verdict is invalid"


def test_what_the_plan_expected_and_what_is_left_of_an_offer_stand_beside_what_was_measured(measured: Waiting) -> None:
    client, deps, campaign = measured
    found = results.of(campaign.campaign_id, deps=deps)
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    assert found["figures"]["forecast.margin"]["mid"] == plan.forecast.incremental_margin.mid
    assert found["figures"]["forecast.cost"]["mid"] == float(plan.forecast.cost.amount)
    limited = [offer for offer in plan.offers if offer.stock is not None]
    assert found["stock"] == [f"stock.{offer.name}" for offer in limited]
    for offer in limited:
        assert found["figures"][f"stock.{offer.name}.left"]["mid"] == offer.stock
        assert f"{offer.name} left</dt>" in client.get(f"/campaigns/{campaign.campaign_id}").text


def test_who_opted_out_is_counted_by_how_often_they_were_contacted(measured: Waiting) -> None:
    client, deps, campaign = measured
    sent = deps.ledger.sends(campaign.campaign_id, states=("sent",))["customer_id"].to_pylist()
    leaving = sent[:2]
    happened = pa.array([deps.now() - timedelta(days=1)] * 2, pa.timestamp("us", tz="UTC"))
    events = {"customer_id": leaving, "type": ["opt_out"] * 2, "occurred_at": happened}
    deps.lake.add({"events": pa.table(events)}, source="left", now=deps.now())
    found = results.of(campaign.campaign_id, deps=deps)
    figures = found["figures"]
    assert sum(figures[f"{key}.people"]["mid"] for key in found["contacts"]) == len(set(sent))
    assert sum(figures[f"{key}.opt_outs"]["mid"] for key in found["contacts"]) == 2
    text = client.get(f"/campaigns/{campaign.campaign_id}").text
    assert "Opt-outs by number of contacts" in text
    assert unproven(text) == []
    for key in found["contacts"]:
        assert "has changed since" not in client.get(f"/campaigns/{campaign.campaign_id}/evidence/{key}.opt_outs").text


def test_silence_of_all_events_is_looked_at_while_it_runs_and_not_when_it_is_over(measured: Waiting) -> None:
    client, deps, campaign = measured
    page = f"/campaigns/{campaign.campaign_id}"
    assert "No event came in lately: is tracking broken?" in client.get(page).text
    at = pa.array([deps.now() - timedelta(hours=5)], pa.timestamp("us", tz="UTC"))
    events = {"customer_id": ["C000001"], "type": ["visit"], "occurred_at": at}
    deps.lake.add({"events": pa.table(events)}, source="seen", now=deps.now())
    assert "Events keep coming in" in client.get(page).text


def test_arms_that_differed_before_the_start_are_looked_at() -> None:
    rows = {"customer_id": [f"C{n}" for n in range(400)], "arm": ["holdout" if n % 4 == 0 else "treated" for n in range(400)]}
    alike = pa.table(rows | {"is_selected": [True] * 400, "prior_value": [float(n % 7) for n in range(400)]})
    apart = pa.table(rows | {"is_selected": [True] * 400, "prior_value": [n % 7 + 9.0 * (n % 4 == 0) for n in range(400)]})
    assert (integrity.prior_gap(alike) or 0) > integrity.SRM_BOUND
    assert (integrity.prior_gap(apart) or 0) < integrity.SRM_BOUND
    assert integrity.prior_gap(alike.drop_columns(["prior_value"])) is None
    assert integrity.prior_gap(alike.set_column(3, "prior_value", pa.array([None] * 400, pa.float64()))) is None
    assert integrity.prior_gap(alike.slice(0, 0)) is None


def test_a_rate_stands_left_of_its_limit_until_it_breaks_it() -> None:
    places = [rail({"mid": rate}, {"mid": 0.02}) for rate in (0.0, 0.01, 0.05)]
    assert all(place is not None and 6 <= place["value"] <= 154 and 6 <= place["limit"] <= 154 for place in places)
    assert [place["value"] > place["limit"] for place in places if place] == [False, False, True]
    assert rail({"mid": None}, {"mid": 0.02}) is rail({"mid": 0.1}, {"mid": None}) is None
    assert rail({"mid": 0.0}, {"mid": 0.0}) == {"value": 6.0, "limit": 6.0}


def test_before_the_first_outcome_it_says_when_there_will_be_one(browse: Open) -> None:
    home, campaign = plain_shop.launched()
    client, _ = browse(home)
    text = client.get(f"/campaigns/{campaign.campaign_id}").text
    assert "First reading after" in text
    for effect in ("Effect per person", ">Primary</h2>", ">Secondary</h2>", "exploratory"):
        assert effect not in text, "no table of dashes where nothing can be read yet"
    for known in ("Guardrails", "Sends and fatigue", "May it be believed?", "Pacing"):
        assert known in text
    assert unproven(text) == []


def test_arms_that_do_not_fit_are_said_first_and_no_effect_is_quoted_as_one(measured: Waiting) -> None:
    client, deps, campaign = measured
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    arms = deps.lake.get(plan.audience.digest).to_pylist()
    held = [row["customer_id"] for row in arms if row["arm"] == "holdout"]
    for person in held[: len(held) * 4 // 5]:
        forgetting.erase(person, by="Ann", reason="asked", deps=deps)
    text = client.get(f"/campaigns/{campaign.campaign_id}").text
    assert re.search(r"Not to be used.*Likely causes", text, re.S)
    outside = re.sub(r'<(section|div|p) class="(?:card )?void".*?</\1>', "", text, flags=re.S)
    assert [key for key in re.findall(r'/evidence/([^"]+)"', outside) if results.is_effect(unquote(key))] == []
    rows = list(csv.DictReader(io.StringIO(client.get(f"/campaigns/{campaign.campaign_id}/report.csv").text)))
    effects = [
        row for row in rows if row["name"].endswith("per person") and "plan" not in row["name"] and "test" not in row["name"]
    ]
    assert effects
    assert all(row["mid"] == "" for row in effects if row["method"].startswith("not to be used"))
    assert not [row for row in rows if row["name"] == "Incremental margin" and row["mid"]]


def test_the_report_to_print_stands_alone(measured: Waiting) -> None:
    client, _, campaign = measured
    answer = client.get(f"/campaigns/{campaign.campaign_id}/report.html")
    assert "<script" not in answer.text
    assert not re.search(r'(?:src|href)="(?!#)', answer.text), "nothing is fetched and nothing leads away"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "<polygon" in answer.text
    assert " style=" not in answer.text
    page = Figures()
    page.feed(answer.text)
    anchors = [link for each in page.found for link in each["links"]]
    assert anchors
    assert all(unquote(link[1:]) in page.ids for link in anchors)


def test_the_table_has_every_figure_and_the_json_says_the_same(measured: Waiting) -> None:
    client, deps, campaign = measured
    answer = client.get(f"/campaigns/{campaign.campaign_id}/report.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["name", "low", "mid", "high", "level", "unit", "method"]
    found = results.of(campaign.campaign_id, deps=deps)
    assert len(rows) == len(found["figures"])
    data = client.get(f"/campaigns/{campaign.campaign_id}/report.json").json()
    (headline,) = [row for row in rows if row["name"] == "Incremental margin"]
    assert float(headline["mid"]) == pytest.approx(data["incremental_margin"]["mid"])
    assert data["figures"]["lift"]["query"] == data["lift"]["query"]


@given(st.text(max_size=20))
@example("=1+1")
@example("\t=cmd()")
@example("@SUM(A1)")
@example("-2+3")
def test_no_text_of_a_table_is_a_formula(text: str) -> None:
    row = {"name": text, "low": -1.5, "mid": None, "high": 2, "level": 0.95, "unit": text, "method": text}
    (line,) = list(csv.DictReader(io.StringIO(as_csv([row]), newline="")))
    assert not line["name"].startswith(FORMULA)
    assert line["name"].removeprefix("'") == text.removeprefix("'")
    assert line["low"] == "-1.5", "a number stays a number"


@pytest.mark.parametrize("what", ["report.html", "report.csv", "report.json", "evidence/lift"])
def test_a_campaign_that_never_began_has_no_report(waiting: Waiting, what: str) -> None:
    client, _, campaign = waiting
    assert client.get(f"/campaigns/{campaign.campaign_id}/{what}").status_code == 422
