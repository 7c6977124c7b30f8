"""Models on pages: what a card says, what the watch found, and the switch with a name and a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import Open, Waiting, empty, send, token

from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.domain.evidence import ModelCard
from liftwright.flow import people, registry, training, watching

MODEL = "uplift_margin"
PAGE = f"/models/{MODEL}"


def test_every_model_has_a_row_that_chips_lead_to_and_a_page(waiting: Waiting) -> None:
    client, deps, _ = waiting
    text = client.get("/models").text
    names = [card.model for card in deps.models.cards()]
    assert MODEL in names
    assert [name for name in re.findall(r'<tr id="([^"]+)"', text) if name in names] == names
    for name in names:
        assert f'href="/models/{name}"' in text
        assert client.get(f"/models/{name}").status_code == 200


def test_the_card_is_shown_in_words_with_intervals(waiting: Waiting) -> None:
    client, deps, _ = waiting
    card = next(card for card in deps.models.cards() if card.model == MODEL)
    text = client.get(PAGE).text
    assert card.optimises in text
    assert all(each in text for each in card.breaks_when)
    slope = card.quality["calibration_slope"]
    assert f"{slope['mid']:,.3f} ({slope['low']:,.3f} to {slope['high']:,.3f})" in text
    quality = card.quality
    assert f"{quality['qini']:,.3f} ({quality['qini_low']:,.3f} to {quality['qini_high']:,.3f})" in text
    assert card.quality["quadrants"]["says"] in text
    assert card.data["trained_on"] in text
    assert card.version in text
    assert "was not watched yet" in text


def test_what_the_watch_wrote_down_is_shown(waiting: Waiting) -> None:
    client, deps, _ = waiting
    watching.watch(deps=deps)
    text = client.get(PAGE).text
    assert "was not watched yet" not in text
    assert "signals compared on 600 rows" in text
    assert "It still sees what it was trained on." in text


def test_switching_off_and_on_needs_a_reason_and_is_written_down(waiting: Waiting) -> None:
    client, deps, _ = waiting
    off = send(client, PAGE, PAGE, by="Ann", reason="its offers run out", state="off")
    assert off.url.path == PAGE
    assert "Switched off" in off.text
    assert "its offers run out" in off.text
    assert {card.state for card in deps.models.versions() if card.model == MODEL} == {"off"}
    entry = deps.journal.entries(subject=MODEL)[-1]
    assert (entry.actor, entry.action) == ("Ann", "model.switched")
    assert entry.detail == {"before": "on", "after": "off", "reason": "its offers run out"}
    on = send(client, PAGE, PAGE, by="Ann", reason="they are back", state="on")
    assert "In use" in on.text
    assert deps.models.load(MODEL)[0].state == "on"  # type: ignore[index]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"by": "Ann", "reason": " ", "state": "off"}, 422),
        ({"by": " ", "reason": "why", "state": "off"}, 422),
        ({"by": "Ann", "reason": "why", "state": "blocked"}, 422),
        ({"by": "Ann", "reason": "why"}, 422),
    ],
)
def test_a_switch_that_says_too_little_changes_nothing(waiting: Waiting, fields: dict[str, str], status: int) -> None:
    client, deps, _ = waiting
    before = len(deps.journal.entries(subject=MODEL))
    assert send(client, PAGE, PAGE, **fields).status_code == status
    assert deps.models.load(MODEL)[0].state == "on"  # type: ignore[index]
    assert len(deps.journal.entries(subject=MODEL)) == before


def test_a_model_that_does_not_exist_is_said_to(waiting: Waiting) -> None:
    client, _, _ = waiting
    assert client.get("/models/uplfit").status_code == 404
    assert send(client, "/models/uplfit", PAGE, by="Ann", reason="why", state="off").status_code == 404


def test_send_times_have_no_switch_and_no_form(waiting: Waiting) -> None:
    client, deps, _ = waiting
    training.train("send_time", deps=deps)
    text = client.get("/models/send_time").text
    assert "quiet hours always hold" in text
    assert 'name="state"' not in text
    assert send(client, "/models/send_time", PAGE, by="Ann", reason="why", state="off").status_code == 422


def test_a_form_without_its_token_and_a_stranger_switch_nothing(waiting: Waiting) -> None:
    client, deps, _ = waiting
    fields = {"by": "Ann", "reason": "why", "state": "off"}
    assert client.post(PAGE, data={"token": "0" * 80, **fields}).status_code == 403
    given = token(client, PAGE)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    key = people.new_key("ada", by="ada", deps=deps)
    assert client.get(PAGE).url.path == "/sign-in"
    assert client.post(PAGE, data={"token": given, **fields, "by": "ada"}).status_code == 401
    assert deps.models.load(MODEL)[0].state == "on"  # type: ignore[index]
    send(client, "/sign-in", "/sign-in", name="ada", key=key)
    assert send(client, PAGE, PAGE, by="somebody else", reason="why", state="off").status_code == 200
    assert deps.journal.entries(subject=MODEL)[-1].actor == "ada", "the name of the session counts, not one that was typed"


def test_words_of_a_card_and_of_a_reason_stay_words(waiting: Waiting) -> None:
    client, deps, _ = waiting
    nasty = "<script>alert(1)</script>"
    card = ModelCard(
        model="odd<b>",
        version="",
        optimises=nasty,
        data={nasty: nasty},
        quality={nasty: {"low": 1.0, "mid": 2.0, "high": 3.0}, "says": nasty, "list": [nasty], "none": None, "yes": True},
        breaks_when=(nasty,),
        turn_off="",
        cadence=nasty,
    )
    deps.models.save(card, {"model": 1}, now=deps.now())
    page = "/models/odd%3Cb%3E"
    assert send(client, page, page, by=nasty, reason=nasty, state="off").status_code == 200
    for path in ("/models", page):
        text = client.get(path).text.split("<main", 1)[1]
        assert "<script" not in text
        assert "<b>" not in text
        assert "&lt;script&gt;" in text
    assert "2.000 (1.000 to 3.000)" in client.get(page).text


def test_a_workspace_without_models_says_how_they_come(browse: Open, tmp_path: Path) -> None:
    client, _ = browse(empty(tmp_path))
    assert "liftwright model train" in client.get("/models").text


def test_the_switch_itself_refuses_no_name_and_no_user(waiting: Waiting) -> None:
    _, deps, _ = waiting
    with pytest.raises(ApprovalError, match="needs a name"):
        registry.switch(MODEL, "off", by=" ", deps=deps)
    with pytest.raises(ConfigError, match="no model 'uplift_magrin'"):
        registry.switch("uplift_magrin", "off", by="Ann", deps=deps)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    with pytest.raises(ApprovalError, match="no user"):
        registry.switch(MODEL, "off", by="Ann", deps=deps)
    assert deps.models.load(MODEL)[0].state == "on"  # type: ignore[index]
