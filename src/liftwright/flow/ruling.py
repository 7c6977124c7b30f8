"""The rules' word on one person, on one text, and on everybody under two sets of rules: what policy owners ask before they change one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.compliance import evaluate, plan_facts
from liftwright.compliance import explain as explaining
from liftwright.compliance import facts as fact_tables
from liftwright.content import reading
from liftwright.content.goods import goods_from
from liftwright.content.wording import HouseWords
from liftwright.domain.errors import DataError
from liftwright.domain.policy import Finding, PolicyBundle
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import Offer, Variant
from liftwright.flow import gate, untouchable
from liftwright.flow.fresh import newest
from liftwright.ports import Deps


def person(customer_id: str, channel: Channel, *, deps: Deps) -> dict[str, Any]:
    """Every rule that fires for a person on a channel now, with the facts it looked at and its source: the shape of `policy explain --json`.

    Raises DataError for a person nobody imported.
    """
    fresh = newest(deps)
    present = fresh.present_id(customer_id)
    if present is None:
        raise DataError(
            "PERSON-UNKNOWN",
            f"There is no customer '{customer_id}' in the data.",
            next_step="Check the id, or import customers with: liftwright import FILE --as customers.",
        )
    verdict = gate.judged([present], [channel], fresh, at=deps.now(), deps=deps)[present, channel]
    return explaining.person(deps.library.policies(), verdict.facts)


def text(body: str, *, channel: Channel, country: str, subject: str = "", deps: Deps) -> tuple[Finding, ...]:
    """What the content rules in force find in one text for a channel and a country today, against the evidence, prices and offers on record."""
    tables, settings, today = newest(deps).tables, deps.settings, deps.now().date()
    there = [tables[name].to_pylist() if name in tables else [] for name in ("products", "prices")]
    variant = Variant(variant_id="text", channel=channel, subject=subject, body=body, template="")
    measured = reading.facts(
        variant,
        evidence=tables.get("evidence"),
        offers=[Offer(name=name, discount=each.discount, stock=each.stock) for name, each in sorted(settings.offers.items())],
        goods=goods_from(*there, currency=settings.currency, on=today),
        house=HouseWords.of(deps.library.templates()),
        sender=settings.sender,
        on=today,
    )
    facts = plan_facts.content_facts(measured, variant=variant, country=country, send_on=today)
    return evaluate.content(deps.library.policies(), [facts])


def difference(old: PolicyBundle, new: PolicyBundle, *, deps: Deps) -> dict[str, Any]:
    """Whom a change of the rules makes reachable or not, of everybody in the data on every channel now.

    `rules` that differ; per channel who may be contacted before and after (`lost`, `gained`: counts); per rule how many person-channel pairs it
    takes out or lets in. Who only waits for an hour or needs an approval is reachable. Both sides are judged on the very same facts.
    """
    facts = _everybody(deps)
    before, after = (evaluate.people(bundle, facts) for bundle in (old, new))
    may = [np.asarray(judged["outcome"].to_pylist()) != "block" for judged in (before, after)]
    channels = np.asarray(facts["channel"].to_pylist())
    ids = np.asarray(facts["customer_id"].to_pylist(), dtype=object)
    lost, gained = may[0] & ~may[1], ~may[0] & may[1]
    return {
        "rules": changed(old, new),
        "people": len(set(ids.tolist())),
        "channels": {
            str(channel): {
                "reachable_before": int(may[0][mine].sum()),
                "reachable_after": int(may[1][mine].sum()),
                "lost": sorted(ids[mine & lost].tolist()),
                "gained": sorted(ids[mine & gained].tolist()),
            }
            for channel in sorted(set(channels.tolist()))
            for mine in [channels == channel]
        },
        "by_rule": _by_rule(after.filter(pa.array(lost)), before.filter(pa.array(gained))),
    }


def _everybody(deps: Deps) -> pa.Table:
    fresh = newest(deps)
    channels = tuple(channel for channel in CHANNELS if channel in deps.settings.channels) or CHANNELS
    return fact_tables.person_facts(
        fresh.people,
        channels=channels,
        at=deps.now(),
        settings=deps.settings,
        contacts=deps.ledger.contacts_since(deps.now() - gate.CONTACT_AGE),
        events=fresh.events,
        arms=untouchable.now_out(fresh.people, "", at=deps.now(), settings=deps.settings),
    )


def changed(old: PolicyBundle, new: PolicyBundle) -> list[dict[str, Any]]:
    """Rules that differ: `{"rule", "what": added, removed or changed, "from", "to"}`, by name."""
    was, now = ({rule.id: rule for rule in bundle.rules} for bundle in (old, new))
    found = []
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) == now.get(name):
            continue
        what = "removed" if name not in now else "added" if name not in was else "changed"
        found.append({"rule": name, "what": what, "from": _words(was.get(name)), "to": _words(now.get(name))})
    return found


def _words(rule: Any) -> Mapping[str, Any] | None:
    if rule is None:
        return None
    return {"version": rule.version, "violated_when": rule.violated_when, "severity": rule.severity, "unknown": rule.unknown}


def _by_rule(lost: pa.Table, gained: pa.Table) -> list[dict[str, Any]]:
    counts = [Counter(name for names in table["rules"].to_pylist() for name in names) for table in (lost, gained)]
    return [
        {"rule": name, "lost": counts[0][name], "gained": counts[1][name]} for name in sorted(counts[0].keys() | counts[1].keys())
    ]
