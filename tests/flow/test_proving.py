"""Another policy is judged by the logged choices of a campaign before it goes live, goes live only when proven, and goes back when it harms."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import stand_ins
from small_shop import Clock, furnish, happened

from liftwright.domain.errors import ApprovalError, DataError
from liftwright.domain.evidence import ModelCard
from liftwright.flow import challengers, deciding, dispatch, learn, logged, promoting, proving, walk
from liftwright.flow.challengers import Challenger
from liftwright.measurement import off_policy
from liftwright.ports import Deps

EMAIL, SMS = stand_ins.TEXTS
PEOPLE = 400


@pytest.fixture
async def over(shop: Deps, clock: Clock, cast: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A campaign that drew e-mail, text message or nothing for everybody and is over; a third of those with a text message bought, a
    tenth of the others."""
    furnish(shop, people=PEOPLE, source="more")
    summary, planned = stand_ins._summary, stand_ins._assigned
    chances = {"email": 0.3, "sms": 0.5}

    def drawn(deps: Deps, eligible: Any, ids: list[str], held: Any, rows: list[dict[str, Any]], budget: Any) -> Any:
        luck = np.random.default_rng(4).random(len(ids))
        options = [each | {"propensity": chances[each["channel"]]} for each in rows if each["wave"] == 1]
        options += [
            each | {"channel": "sms", "variant": "v-sms", "propensity": chances["sms"]} for each in rows if each["wave"] == 1
        ]
        got = {
            person: "email" if chance < 0.3 else "sms" if chance < 0.8 else "" for person, chance in zip(ids, luck, strict=True)
        }
        chosen = [each for each in options if got[each["customer_id"]] == each["channel"]]

        def with_options(digest: str, *rest: Any) -> Any:
            return summary(digest, *rest).model_copy(update={"candidates": deps.lake.put(pa.Table.from_pylist(options))})

        monkeypatch.setattr(stand_ins, "_summary", with_options)
        return planned(deps, eligible, ids, held, chosen, budget)

    monkeypatch.setattr(stand_ins, "_assigned", drawn)
    campaign = (await walk.start("Sell more", deps=shop)).campaign_id
    hash_seen = shop.campaigns.get(campaign).plan_hash
    await deciding.decide("approve", campaign, plan_hash=hash_seen, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w", limit=1_000)
    _sell(shop, campaign, clock)
    clock.on(days=25)
    await learn.finish(campaign, deps=shop)
    return campaign


def _sell(shop: Deps, campaign: str, clock: Clock) -> None:
    clock.on(hours=5)
    reached = {row["customer_id"]: row["channel"] for row in shop.ledger.sends(campaign, states=("sent",)).to_pylist()}
    luck = np.random.default_rng(9)
    events = [
        happened(person, "purchase", clock.at, amount=50.0)
        for person in shop.lake.read(shop.lake.snapshot())["customers"]["customer_id"].to_pylist()  # type: ignore[arg-type]
        if luck.random() < (1 / 3 if reached.get(person) == "sms" else 0.1)
    ]
    shop.lake.add({"events": pa.concat_tables(events)}, source="sold", now=clock.at)


def _always(log: logged.Logged, action: str) -> tuple[Any, Any]:
    """A policy that gives everybody one action."""
    target = np.tile(np.array(log.actions) == action, (len(log.people), 1)).astype(float)
    return target, ~((target > 0) & (log.chance <= 0)).any(axis=1)


def test_the_log_of_a_campaign_tells_what_other_choices_would_have_brought(shop: Deps, over: str) -> None:
    log = logged.of(over, deps=shop)
    assert log.actions == ("control", "email:none", "sms:none")
    assert log.chance[0] == pytest.approx([0.2, 0.3, 0.5])
    assert set(np.round(log.propensities, 6)) == {0.2, 0.3, 0.5}
    truth = {"sms:none": 50 * 0.4 / 3, "email:none": 50 * 0.4 / 10, "control": 50 * 0.4 / 10}
    for action, worth in truth.items():
        found = proving.pooled([proving.judge(log, *_always(log, action))])
        if action == "sms:none":
            assert found.doubly_robust is not None
            assert found.doubly_robust.low < worth < found.doubly_robust.high
            assert found.gain is not None
            assert found.gain.low > 0
        else:
            assert "only" in found.refusal or found.gain is not None


def test_a_policy_the_log_never_followed_is_refused(shop: Deps, over: str) -> None:
    log = logged.of(over, deps=shop)
    rows = [{"customer_id": person, "wave": 1, "channel": "voice", "offer": "none", "propensity": 1.0} for person in log.people]
    target, supported = log.policy(pa.Table.from_pylist(rows))
    assert not supported.any()
    found = proving.pooled([proving.judge(log, target, supported)])
    assert "the log can judge 0" in found.refusal
    assert proving.ruled(found, 1.0)[0] == "refused"


def test_the_rule_asks_for_gain_for_certainty_and_for_calibration() -> None:
    luck = np.random.default_rng(0)
    chance, better = np.full(4_000, 0.5), luck.random(4_000) < 0.5
    reward = np.where(better, 12.0, 8.0) * (luck.random(4_000) < 0.5)
    good = off_policy.evaluate(reward, propensities=chance, target=better.astype(float))
    bad = off_policy.evaluate(reward, propensities=chance, target=(~better).astype(float))
    assert proving.ruled(good, 1.0)[0] == "promote"
    assert proving.ruled(good, 0.5)[0] == "keep"
    assert proving.ruled(good, None)[0] == "keep"
    assert proving.ruled(bad, 1.0)[0] == "worse"


def test_chances_are_calibrated_when_the_slope_is_one() -> None:
    luck = np.random.default_rng(1)
    chance = luck.beta(2, 8, 20_000)
    happened_ = luck.random(20_000) < chance
    sharper = chance**2 / (chance**2 + (1 - chance) ** 2)
    assert off_policy.calibration_slope(chance, happened_) == pytest.approx(1.0, abs=0.08)
    assert off_policy.calibration_slope(sharper, happened_) == pytest.approx(0.5, abs=0.05)
    assert off_policy.calibration_slope([0.1] * 60, [True] * 60) is None


def test_a_campaign_that_runs_or_logged_no_chances_judges_nobody(shop: Deps, over: str) -> None:
    plan = shop.campaigns.plan(over)
    assert plan is not None
    found = proving.prove(Challenger(models=("uplift_margin@1",)), deps=shop)
    assert found["verdict"] == "refused"
    assert "no campaign can judge it" in found["says"]
    assert found["campaigns"][0]["because"]
    bare = shop.lake.put(shop.lake.get(plan.assignment.candidates).drop_columns(["propensity"]))
    assignment = plan.assignment.model_copy(update={"candidates": bare})
    campaigns = type("Stored", (), {"__getattr__": lambda self, name: getattr(shop.campaigns, name)})()
    campaigns.plan = lambda campaign_id, revision=None: plan.model_copy(update={"assignment": assignment})
    with pytest.raises(DataError, match="chance"):
        logged.of(over, deps=replace(shop, campaigns=campaigns))


def _card(name: str, trained_on: str) -> ModelCard:
    return ModelCard(
        model=name,
        version="",
        optimises="margin",
        data={"trained_on": trained_on},
        quality={},
        breaks_when=(),
        turn_off="",
        cadence="",
    )


def test_a_model_is_not_judged_by_a_campaign_it_may_have_learned_from(shop: Deps, over: str, clock: Clock) -> None:
    plan = shop.campaigns.plan(over)
    assert plan is not None
    old = shop.models.save(_card("m", "2026-10-01"), {"a": 1}, now=clock.at)
    new = shop.models.save(_card("m", "2026-11-20"), {"a": 2}, now=clock.at)
    assert challengers.learned_from(Challenger(models=(f"m@{old}",)), plan, deps=shop) == ""
    assert "may have learned from it" in challengers.learned_from(Challenger(models=(f"m@{new}",)), plan, deps=shop)


def test_only_what_is_proven_goes_live_under_a_name(shop: Deps, clock: Clock) -> None:
    first = shop.models.save(_card("m", "2026-10-01"), {"a": 1}, now=clock.at)
    second = shop.models.save(_card("m", "2026-10-02"), {"a": 2}, now=clock.at)
    proven = {"verdict": "promote", "says": "It would have brought more."}
    for proof, by in (({"verdict": "keep", "says": "Not shown."}, "ann"), (proven, " ")):
        with pytest.raises(ApprovalError):
            promoting.promote(f"m@{first}", by=by, proof=proof, deps=shop)
    done = promoting.promote(f"m@{first}", by="ann", proof=proven, deps=shop)
    assert (done["version"], done["before"]) == (first, second)
    assert {card.model: card.version for card in shop.models.cards()} == {"m": first}
    (entry,) = [each for each in shop.journal.entries(subject="m") if each.action == promoting.PROMOTED]
    assert (entry.actor, entry.detail["evidence"]["verdict"]) == ("ann", "promote")


def test_a_promoted_version_goes_back_by_itself_when_later_campaigns_show_harm(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    first = shop.models.save(_card("m", "2026-10-01"), {"a": 1}, now=clock.at)
    second = shop.models.save(_card("m", "2026-10-02"), {"a": 2}, now=clock.at)
    promoting._make_current("m", first, by="ann", action="model.trained", evidence={}, deps=shop)
    promoting.promote(f"m@{second}", by="ann", proof={"verdict": "promote", "says": ""}, deps=shop)
    assert promoting.roll_back_harmful(deps=shop) == [], "no campaign has used it yet"
    log = logged.of(over, deps=shop)
    used = log.plan.model_copy(update={"pins": log.plan.pins.model_copy(update={"models": (f"m@{second}",)})})
    later = shop.campaigns.get(over).model_copy(update={"created_at": clock.at + timedelta(days=1)})
    campaigns = type("Stored", (), {"__getattr__": lambda self, name: getattr(shop.campaigns, name)})()
    campaigns.all, campaigns.get = lambda: [later], lambda campaign_id: later
    campaigns.plan = lambda campaign_id, revision=None: used
    deps = replace(shop, campaigns=campaigns)
    seen = proving.judge(log, *_always(log, "sms:none"))
    monkeypatch.setattr(proving, "_judged", lambda *_: (seen, None, []))
    (done,) = promoting.roll_back_harmful(deps=deps)
    assert (done["version"], done["before"]) == (first, second)
    assert {card.model: card.version for card in shop.models.cards()} == {"m": first}
    assert promoting.roll_back_harmful(deps=deps) == []
