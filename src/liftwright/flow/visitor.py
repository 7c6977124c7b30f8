"""One visitor now: rules first, then scores, then the one best thing to do, doing nothing included."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from liftwright.compliance import at_once, momentary
from liftwright.domain.errors import DataError
from liftwright.domain.profile import CHANNELS
from liftwright.domain.visit import VisitEvent, VisitKind
from liftwright.flow import desk as desks
from liftwright.flow import gate, visits
from liftwright.flow.desk import Desk
from liftwright.measurement import holdout
from liftwright.planning import next_action as chooser
from liftwright.planning import showcase
from liftwright.planning.treatments import action_parts
from liftwright.ports import Deps

SESSION = visits.SESSION
SHOWN = 3
_PENDING: dict[str, Any] = {
    "person": None,
    "action": chooser.NOTHING,
    "value": 0.0,
    "propensity": 1.0,
    "randomised": False,
    "options": [],
}


def saw(
    customer_id: str,
    *,
    session: str,
    kind: VisitKind,
    product_id: str | None = None,
    event_id: str = "",
    deps: Deps,
) -> dict[str, Any]:
    """Keep what a visitor did, so that the next decision knows it: `{"person", "event_id", "new"}`. The same `event_id` counts once.

    Raises DataError for a person or a product nobody knows.
    """
    desk = desks.at(deps)
    person = _person(customer_id, desk)
    if product_id is not None and product_id not in desk.products:
        raise DataError("PRODUCT-UNKNOWN", f"There is no product '{product_id[:60]}'.", next_step="Import it, or leave it out.")
    event = VisitEvent(session=session, type=kind, product_id=product_id, occurred_at=deps.now())
    name = event_id or hashlib.sha256(f"{person}:{event.model_dump_json()}".encode()).hexdigest()[:24]
    return {"person": person, "event_id": name, "new": deps.visits.saw(person, f"{person}:{name}", event)}


def next_action(customer_id: str, *, session: str = "", deps: Deps) -> dict[str, Any]:
    """What to do for this visitor now: `{"person", "arm", "action", "offer", "value", "propensity", "says", "options", "content", "cta"}`.

    Nothing is sent by this. The choice is kept with its chances; what came of it is learned from at night (`visits`). Scores are those of the
    last night by the models in force, rules are checked at this very moment. Who is in the visitors' holdout gets what everybody buys and nothing else.
    `session`: what the visitor did in it counts. Raises DataError for a person nobody knows.
    """
    now, desk = deps.now(), desks.at(deps)
    person = _person(customer_id, desk)
    done = deps.visits.events([person], since=now - SESSION)
    shown, cta = _showcase(person, [event for event in done if event.session == session], desk)
    row = desk.sheet.rows.get(person) if desk.sheet is not None else None
    if row is None or desk.sheet is None:
        says = "Nothing is done: this person is not scored yet, the night does it."
        return {**_PENDING, "person": person, "arm": "none", "says": says, "offer": None, "content": shown, "cta": cta}
    if is_held(person, deps=deps):
        return _held_back(person, row, desk, deps)
    contacts = [momentary.Contact(*each) for each in deps.ledger.contacts_of(_names(person, desk), since=now - desks.CONTACT_AGE)]
    seed = _seed(person, now, deps.settings.seed)
    economics = desk.sheet.of(row)
    chosen = chooser.choose(
        effects=dict(zip(desk.sheet.actions, desk.sheet.effects[row].tolist(), strict=True)),
        economics=economics,
        blocked_by=_blocked(person, desk, contacts, done, now, deps),
        explore=deps.settings.limits.randomised_share,
        seed=seed,
        already_touched=_touched_today(contacts, now),
        learned=visits.learned(desk, row),
    )
    anyway = float(economics.buy_chance[0] * economics.order_revenue[0] * economics.margin_rate[0])
    pins = _pins(desk, deps)
    visits.log(person, chosen, desk=desk, row=row, arm="treated", anyway=anyway, pins=pins, seed=seed, deps=deps)
    told = _told(chosen, deps) | {"content": shown, "cta": cta}
    return {"person": person, "arm": "treated", **told, "decided_at": now.isoformat(), "pins": pins}


def is_held(person: str, *, deps: Deps) -> bool:
    """Whether somebody is in the visitors' holdout: always the same people, whatever they do."""
    wanted = deps.settings.experiment
    if wanted.visitor_holdout <= 0:
        return False
    return bool(holdout.globally_held([person], salts=[f"{wanted.salt}:visitors"], share=wanted.visitor_holdout)[0])


def _held_back(person: str, row: int, desk: Desk, deps: Deps) -> dict[str, Any]:
    """Nothing of our choosing, kept like any other choice so that the two arms can be compared."""
    nothing = chooser.Option(action=chooser.NOTHING, value=0.0, terms={})
    says = "Nothing is done on purpose: this person is in the visitors' holdout, which shows what choices bring."
    chosen = chooser.NextAction(chooser.NOTHING, 0.0, {}, 1.0, {chooser.NOTHING: 1.0}, False, (nothing,), says)
    pins = _pins(desk, deps)
    visits.log(person, chosen, desk=desk, row=row, arm="holdout", anyway=0.0, pins=pins, seed=0, deps=deps)
    shown, cta = _showcase("", (), desk)
    told = _told(chosen, deps) | {"content": shown, "cta": cta}
    return {"person": person, "arm": "holdout", **told, "decided_at": deps.now().isoformat(), "pins": pins}


def _person(customer_id: str, desk: Desk) -> str:
    person = desk.fresh.present_id(customer_id)
    if person is None:
        says = f"There is no person '{customer_id[:100]}'."
        raise DataError("PERSON-UNKNOWN", says, next_step="Import them, or treat them as anonymous.")
    return person


def _names(person: str, desk: Desk) -> list[str]:
    """Every id a person ever had."""
    return sorted(desk.fresh.ever([person])) if desk.fresh.renamed else [person]


def _told(chosen: chooser.NextAction, deps: Deps) -> dict[str, Any]:
    name = action_parts(chosen.action)[1]
    offer = deps.settings.offers.get(name) if chosen.action != chooser.NOTHING else None
    return {
        "action": chosen.action,
        "offer": {"name": name, "discount": offer.discount} if offer is not None else None,
        "value": chosen.value,
        "propensity": chosen.propensity,
        "randomised": chosen.randomised,
        "says": chosen.says,
        "options": [_option(option) for option in chosen.options],
    }


def _option(option: chooser.Option) -> dict[str, Any]:
    blocked_by = list(option.blocked_by)
    return {
        "action": option.action,
        "value": option.value,
        "terms": option.terms,
        "allowed": not blocked_by,
        "blocked_by": blocked_by,
    }


def _pins(desk: Desk, deps: Deps) -> dict[str, Any]:
    assert desk.sheet is not None
    return {"snapshot": desk.sheet.snapshot_id, "models": list(desk.sheet.models), "policies": desk.rules(deps).digest}


def _blocked(
    person: str,
    desk: Desk,
    contacts: Sequence[momentary.Contact],
    done: Sequence[VisitEvent],
    now: datetime,
    deps: Deps,
) -> dict[str, tuple[str, ...]]:
    """By action, the rules that forbid its channel to this person at this moment.

    With a broken feature contract no score can be trusted, so nothing is allowed but doing nothing.
    """
    assert desk.sheet is not None
    wanted = {action_parts(action)[0] for action in desk.sheet.actions}
    channels = [channel for channel in CHANNELS if channel in wanted]
    events = [momentary.Event(event.type, None, event.occurred_at) for event in done]
    reached = [contact for contact in contacts if contact.state in gate.REACHED]
    bundle = desk.rules(deps)
    forbidding: dict[str, tuple[str, ...]] = {}
    for facts in desk.facts(person, channels, contacts=reached, events=events, at=now):
        outcome, rules = at_once.verdict(bundle, facts)
        forbidding[str(facts["channel"])] = () if outcome in gate.PERMITTED else rules or (outcome,)
    return {action: (*forbidding[action_parts(action)[0]], *desk.sheet.broken) for action in desk.sheet.actions}


def _touched_today(contacts: Sequence[momentary.Contact], now: datetime) -> int:
    morning = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return sum(contact.state in gate.REACHED and contact.send_at >= morning for contact in contacts)


def _showcase(person: str, done: Sequence[VisitEvent], desk: Desk) -> tuple[list[dict[str, Any]], str]:
    """Products to show, best first, with their reasons, and the words of the button."""
    looked = Counter(event.product_id for event in done if event.product_id and event.type in ("page_view", "click"))
    bought = {event.product_id for event in done if event.type == "purchase"}
    cart = frozenset(event.product_id for event in done if event.type == "add_to_cart" and event.product_id) - bought
    known = showcase.Known({str(name): count for name, count in looked.items()}, cart, desk.bought(person))
    best = showcase.rank(list(desk.products.values()), known, most=SHOWN)
    rows = [
        {
            "product_id": each.product.product_id,
            "name": each.product.name,
            "category": each.product.category,
            "score": each.score,
            "reasons": list(each.reasons),
        }
        for each in best
    ]
    return rows, showcase.call_to_action(best, known)


def _seed(person: str, now: datetime, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}:{person}:{now.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
