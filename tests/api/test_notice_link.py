"""The link in a notice: it leads to the review page, through the door where there is one, and decides nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browsing import Open, send

import plain_shop
from liftwright import wiring
from liftwright.flow import notifying, people
from liftwright.settings.notify import NotifySettings
from post_office import Receiver, receiver  # noqa: F401 (fixture)

BASE = "https://lw.shop.example"


@pytest.mark.loopback
def test_opening_the_link_shows_the_review_and_leaves_everything_as_it_was(
    browse: Open,
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    home, campaign = plain_shop.planned()
    client, deps = browse(home)
    hooks = {"chat": {"url": receiver.url, "secret_env": "CHAT_SECRET"}}
    notify = NotifySettings.model_validate({"base_url": BASE, "webhooks": hooks})
    settings = deps.settings.model_copy(update={"notify": notify})
    notifying.tell(deps=replace(deps, settings=settings, notifiers=lambda: wiring.notifiers(settings)), worker="w1")
    (told,) = receiver.bodies()
    path = told["data"]["link"].removeprefix(BASE)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    people.put("leo", roles=["approver", "compliance", "finance"], is_active=True, by="ada", deps=deps)
    key = people.new_key("leo", by="ada", deps=deps)
    before = (deps.approvals.get(told["data"]["approval_id"]), len(deps.journal.entries()))
    door = client.get(path)
    assert door.url.path == "/sign-in"
    review = send(client, "/sign-in", "/sign-in", name="leo", key=key, to=door.url.params["to"])
    assert review.url.path == path == f"/approvals/{campaign.campaign_id}"
    assert 'value="approve"' in review.text
    for _ in range(2):
        assert client.get(path).status_code == 200
    signed_in = [entry for entry in deps.journal.entries()[before[1] :] if not entry.action.startswith("user.")]
    assert signed_in == []
    assert deps.approvals.get(told["data"]["approval_id"]) == before[0]
    assert deps.users.signatures(told["data"]["approval_id"]) == []
