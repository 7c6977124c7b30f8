"""Words of the pages: each has a meaning, and a page that uses one leads to it."""

from __future__ import annotations

import re

import pytest
from browsing import Waiting

from liftwright.api.pages import glossary

HOUSE = (
    "goal", "objective", "constraint", "campaign", "brief", "profile", "audience", "segment", "offer", "variant", "treatment",
    "assignment", "plan", "holdout", "arm", "exposure", "outcome", "propensity", "uplift", "lift", "incremental margin", "guardrail",
    "stop rule", "pacing", "suppression", "rule", "policy", "finding", "autonomy level", "envelope", "decision", "journal", "ledger",
    "lesson", "card",
)  # fmt: skip


def test_every_word_of_the_house_has_a_meaning_and_an_address_of_its_own() -> None:
    words = glossary.words()
    assert set(HOUSE) <= set(words)
    assert len({entry["anchor"] for entry in words.values()}) == len(words)
    assert all(entry["says"].endswith(".") for entry in words.values())


def test_a_word_links_to_its_meaning_and_its_text_is_text() -> None:
    link = glossary.term("lift", "<b>effect</b>")
    assert link.startswith('<a class="term" href="/glossary#lift" title="The extra effect')
    assert "&lt;b&gt;effect&lt;/b&gt;" in link
    with pytest.raises(KeyError):
        glossary.term("synergy")


def test_the_page_has_every_word_and_every_link_of_the_pages_leads_to_one(measured: Waiting) -> None:
    client, _, campaign = measured
    text = client.get("/glossary").text
    ids = set(re.findall(r'<dt id="([^"]+)"', text))
    assert len(ids) == len(glossary.words())
    assert set(re.findall(r'href="#([^"]+)"', text)) - {"main"} <= ids
    for path in (f"/campaigns/{campaign.campaign_id}", f"/explain/C000001?campaign={campaign.campaign_id}", "/campaigns"):
        used = re.findall(r'href="/glossary#([^"]+)"', client.get(path).text)
        assert used, path
        assert set(used) <= ids
