"""One person, step by step: what was known and used, what was weighed and done, in words for them too; and who looked is written down."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

import pytest
from browsing import Open, Waiting

import plain_shop
from liftwright.flow import about, asking, identities


def _page(name: str, campaign_id: str) -> str:
    return f"/explain/{name}?campaign={campaign_id}"


def test_steps_come_in_order_with_worth_price_and_outcome(measured: Waiting) -> None:
    client, deps, campaign = measured
    text = client.get(_page("C000001", campaign.campaign_id)).text
    found = asking.why(campaign.campaign_id, "C000001", deps=deps)
    kinds = [step["kind"] for step in found["steps"]]
    assert kinds.index("eligible") < kinds.index("considered") < kinds.index("chosen") < kinds.index("delivered")
    assert kinds[0] == "before", "what happened before the plan stands before it"
    for title in ("Step by step", "What would change it", "To answer the customer", "Options", "Attributes", "Evidence"):
        assert title in text
    assert re.search(r"worth [\d.-]+, uses [\d.]+ of scarce limits", text)
    assert found["sentence"].startswith("You got an e-mail because")
    assert found["sentence"].replace("'", "&#39;") in text
    assert not re.search(r"\d", found["sentence"]), "no figures for the customer"


def test_signed_bars_stand_beside_their_figures(measured: Waiting) -> None:
    client, _, campaign = measured
    text = client.get(_page("C000001", campaign.campaign_id)).text
    bars = re.findall(r'<rect class="(up|down)" x="([\d.]+)" y="1" width="([\d.]+)"', text)
    assert bars
    assert max(float(width) for _, _, width in bars) == 74.0
    assert all((float(x) == 80.0) == (way == "up") or float(width) == 0.0 for way, x, width in bars)


def test_what_no_model_may_see_is_named_and_its_value_is_not_shown(measured: Waiting) -> None:
    client, deps, campaign = measured
    found = asking.why(campaign.campaign_id, "C000001", deps=deps)["attributes"]
    assert {"email", "phone", "first_name", "last_name", "birth_date"} <= {each["name"] for each in found["forbidden"]}
    assert "womens" in {each["name"] for each in found["used"]}
    assert not {each["name"] for each in found["used"]} & {each["name"] for each in found["seen"]}
    text = client.get(_page("C000001", campaign.campaign_id)).text
    assert "c000001@example.test" not in text
    assert "Lastname1" not in text
    assert "1980-05-05" not in text


def test_somebody_held_out_is_told_so_plainly(measured: Waiting) -> None:
    client, deps, campaign = measured
    arms = deps.lake.get(plain_shop.plan_of(deps, campaign.campaign_id).audience.digest).to_pylist()
    held = next(row["customer_id"] for row in arms if row["arm"] == "holdout")
    text = client.get(_page(held, campaign.campaign_id)).text
    assert "on purpose: nothing is sent" in text
    assert about.HELD_OUT in text
    assert "<strong>held out</strong>" in text


def test_somebody_a_rule_kept_out_gets_the_rule_and_a_sentence(measured: Waiting) -> None:
    client, _, campaign = measured
    text = client.get(_page("C000010", campaign.campaign_id)).text
    assert "<strong>skipped</strong>" in text
    assert "You got nothing from us in this campaign" in text
    assert "None." not in text.split("Seen, but not used")[1].split("</details>")[0]


def test_one_walks_from_person_to_person_and_back(measured: Waiting) -> None:
    client, deps, campaign = measured
    ids = sorted(deps.lake.get(plain_shop.plan_of(deps, campaign.campaign_id).audience.digest)["customer_id"].to_pylist())
    first = asking.why(campaign.campaign_id, ids[0], deps=deps)["neighbours"]
    assert first == {"previous": None, "next": ids[1]}
    second = asking.why(campaign.campaign_id, ids[1], deps=deps)["neighbours"]
    assert second == {"previous": ids[0], "next": ids[2]}
    last = asking.why(campaign.campaign_id, ids[-1], deps=deps)["neighbours"]
    assert last["next"] is None
    text = client.get(_page(ids[1], campaign.campaign_id)).text
    assert f'href="/explain/{ids[0]}?campaign={campaign.campaign_id}" rel="prev"' in text


def test_what_somebody_did_since_is_an_outcome_and_stands_after_the_message(measured: Waiting) -> None:
    _, deps, campaign = measured
    steps = asking.why(campaign.campaign_id, "C000001", deps=deps)["steps"]
    kinds = [step["kind"] for step in steps]
    assert kinds.index("chosen") < kinds.index("delivered") < kinds.index("outcome")
    assert steps[kinds.index("outcome")]["says"] == "purchase"
    assert "future" not in kinds


@pytest.mark.parametrize("known", ["c000003@EXAMPLE.test", hashlib.sha256(b"c000003@example.test").hexdigest(), " C000003 "])
def test_somebody_is_found_by_what_they_write_from_and_the_address_is_not_shown(measured: Waiting, known: str) -> None:
    client, _, campaign = measured
    answer = client.get("/explain", params={"person": known, "campaign": campaign.campaign_id})
    assert answer.url.path == "/explain/C000003"
    assert "Why C000003?" in answer.text
    assert "example.test" not in answer.text.lower()


def test_who_nobody_is_gets_the_nearest_ids_and_nothing_is_journaled(measured: Waiting) -> None:
    client, deps, campaign = measured
    before = len(deps.journal.entries())
    for given, near in (("c3", "C000003"), ("C000003x", "C000003"), ("nobody@example.test", "C000600"), ("<b>", "C000001")):
        answer = client.get(f"/explain/{quote(given, safe='')}?campaign={campaign.campaign_id}")
        assert answer.status_code == 404
        assert f'href="/explain/{near}?campaign={campaign.campaign_id}">{near}</a>' in answer.text, given
        assert "<b>" not in answer.text
    assert len(deps.journal.entries()) == before


def test_records_that_count_as_one_person_are_shown_with_what_links_them(browse: Open) -> None:
    home, campaign = plain_shop.planned()
    client, deps = browse(home)
    assert "One person," not in client.get(_page("C000001", campaign.campaign_id)).text
    identities.tell("C000001", "C000002", verdict="same", by="Ann", deps=deps)
    text = client.get(_page("C000001", campaign.campaign_id)).text
    assert "One person, 2 records" in text
    assert "decided by Ann" in text


def test_the_models_of_the_plan_lead_to_their_cards(measured: Waiting) -> None:
    client, _, campaign = measured
    links = re.findall(r'href="(/models/[^"]+)"', client.get(_page("C000001", campaign.campaign_id)).text)
    assert links
    for link in links:
        assert client.get(link).status_code == 200, link


def test_who_looked_at_whom_is_journaled_by_digest_and_only_when_there_was_something_to_see(browse: Open) -> None:
    home, campaign = plain_shop.planned()
    client, deps = browse(home)
    client.cookies.set("lw_name", "Ann", domain="shop.test")
    assert "name nobody in it, it is kept for good" in client.get("/explain").text, "beside the field for the reason"
    assert client.get(_page("nobody", campaign.campaign_id)).status_code == 404
    assert [entry for entry in deps.journal.entries(subject="people") if entry.action == about.LOOKED] == []
    client.get(_page("C000002", campaign.campaign_id))
    (entry,) = [entry for entry in deps.journal.entries(subject="people") if entry.action == about.LOOKED]
    assert entry.actor == "Ann"
    assert entry.detail == {"who": [deps.traces.pseudonym("C000002")], "campaign": campaign.campaign_id}
    assert "C000002" not in str(entry.model_dump())
    nasty = "<b>she asks</b> & more"
    asked = client.get("/explain", params={"person": "C000002", "campaign": campaign.campaign_id, "because": nasty})
    assert "<b>" not in asked.text.split("<main", 1)[1]
    told = deps.journal.entries(subject="people")[-1]
    assert told.detail["because"] == nasty
    client.get(_page("C000002", campaign.campaign_id) + "&because=C000002, ann@shop.test, %2B1 (212) 555-0002 wrote on 12 May")
    assert deps.journal.entries(subject="people")[-1].detail["because"] == "…, … … wrote on 12 May"
    client.get(_page("C000002", campaign.campaign_id) + "&because=" + "x" * 5000)
    assert len(deps.journal.entries(subject="people")[-1].detail["because"]) == about.MOST_BECAUSE
    assert deps.journal.verify()[0]
