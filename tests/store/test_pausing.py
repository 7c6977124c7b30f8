"""What the ledger does with the sends of a paused campaign."""

from __future__ import annotations

from datetime import timedelta


def test_a_paused_campaign_sends_nothing_and_keeps_what_is_planned(store, make):
    store.launched(make.sends(store.planned().plan_hash, 10))
    sent, later = store, make.now + timedelta(hours=3)
    ids = [send.send_id for send in sent.ledger.lease(now=later, worker="w", limit=3, seconds=60)]
    sent.ledger.mark(ids[:1], "sending", now=later, worker="w")
    sent.campaigns.update("c1", status="paused")
    assert sent.ledger.mark(ids[1:2], "sending", now=later, worker="w") == []
    sent.ledger.settle({ids[0]: ("delayed", "")}, now=later, worker="w", delayed_to={ids[0]: later})
    sent.ledger.release_expired(now=later + timedelta(seconds=60), idempotent_channels=frozenset())
    assert [sent.states()[send_id] for send_id in ids] == ["planned"] * 3
    assert sent.ledger.lease(now=later, worker="w", limit=9) == []
    sent.campaigns.update("c1", status="running")
    assert {send.send_id for send in sent.ledger.lease(now=later, worker="w", limit=99)} >= set(ids)
