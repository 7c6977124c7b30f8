"""Other touches for the rest of a flight: in one transaction, never twice, and never over what a worker or a person's wish has settled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from liftwright.domain.campaign import REPLANNED


@pytest.fixture
def sent(store, make):
    """A running campaign with ten planned sends."""
    store.launched(make.sends(store.planned().plan_hash, 10))
    return store


@pytest.fixture
def sends(sent, make):
    """The ten sends, each with another offer."""
    made = make.sends(sent.campaigns.plan("c1").plan_hash, 10)
    return [send.model_copy(update={"offer": "save10", "discount": 0.1, "cost": 0.5}) for send in made]


def _planned(store) -> list[dict]:
    return store.ledger.sends("c1", states=["planned"]).to_pylist()


def _replace(store, sends, *, make, planned=None, detail=None):
    ids = [row["send_id"] for row in _planned(store)] if planned is None else planned
    return store.ledger.replace("c1", planned=ids, sends=sends, now=make.now, detail=detail or {"waves": [1]})


def test_touches_change_go_and_come_back_and_the_journal_says_so_once(sent, sends, make):
    assert _replace(sent, sends[:4], make=make) == {"added": 0, "changed": 4, "cancelled": 6}
    assert {row["offer"] for row in _planned(sent)} == {"save10"}
    assert set(sent.ledger.sends("c1", states=["cancelled"])["reason"].to_pylist()) == {REPLANNED}
    assert _replace(sent, sends[:4], make=make) == {"added": 0, "changed": 0, "cancelled": 0}
    assert _replace(sent, sends[2:6], make=make) == {"added": 0, "changed": 2, "cancelled": 2}
    entries = [entry for entry in sent.journal.entries(subject="c1") if entry.action == "campaign.replanned"]
    assert [entry.detail["changed"] for entry in entries] == [4, 2]


def test_a_new_touch_is_added_under_the_same_approval(sent, sends, make):
    new = sends[0].model_copy(update={"send_id": "c1-new", "idem_key": "c1:new", "customer_id": "p-new"})
    assert _replace(sent, [*sends, new], make=make) == {"added": 1, "changed": 10, "cancelled": 0}
    assert sent.ledger.counts("c1")["planned"] == 11


def test_what_a_worker_holds_or_a_rule_took_out_stays_as_it_is(sent, sends, make):
    held = sent.ledger.lease(now=make.now + timedelta(seconds=2), worker="w", limit=1)
    gone = _planned(sent)[0]
    sent.ledger.cancel_planned("c1", reason="the person opted out", now=make.now, customer_ids=[gone["customer_id"]])
    before = [row["send_id"] for row in sent.ledger.sends("c1").to_pylist()]
    assert _replace(sent, sends, make=make, planned=before)["changed"] == 8
    by_id = {row["send_id"]: row for row in sent.ledger.sends("c1").to_pylist()}
    assert (by_id[held[0].send_id]["state"], by_id[held[0].send_id]["offer"]) == ("leased", held[0].offer)
    assert (by_id[gone["send_id"]]["state"], by_id[gone["send_id"]]["reason"]) == ("cancelled", "the person opted out")


def test_what_was_not_looked_at_is_left_alone(sent, sends, make):
    some = [row["send_id"] for row in _planned(sent)][:3]
    assert _replace(sent, [], make=make, planned=some) == {"added": 0, "changed": 0, "cancelled": 3}
    assert len(_planned(sent)) == 7


@pytest.mark.parametrize("status", ["stopped", "finished"])
def test_a_campaign_that_does_not_run_gets_nothing_new(sent, sends, make, status):
    sent.campaigns.update("c1", status=status)
    assert sum(_replace(sent, sends, make=make).values()) == 0


def test_nothing_is_half_done_when_it_fails(sent, sends, make):
    taken = sends[5].model_copy(update={"idem_key": "c1:new", "customer_id": "p-new"})
    with pytest.raises(IntegrityError):
        _replace(sent, [*sends[:2], taken], make=make)
    assert len(_planned(sent)) == 10
    assert {row["offer"] for row in _planned(sent)} != {"save10"}
