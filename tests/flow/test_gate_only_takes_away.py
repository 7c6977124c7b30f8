"""The last look before sending may remove or delay, never add, change or bring forward: whatever the rules say of whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plain_shop
from liftwright.domain.campaign import Send
from liftwright.flow import gate
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

OUTCOMES = st.sampled_from(["allow", "warn", "needs_approval", "delay", "block", "something new"])
RULES = st.sampled_from([(), ("SAFE-QUIET",), ("CONSENT-UNKNOWN-EMAIL",), ("CAP-WEEK",), ("NO-SUCH-RULE",)])


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deps, list[Send], dict[str, gate.Terms | None]]]:
    """A launched campaign: its sends and its terms."""
    home, campaign = plain_shop.launched()
    directory: Path = tmp_path_factory.mktemp("gate")
    deps = plain_shop.open_shop(plain_shop.copy_of(home, directory / "home"))
    rows = deps.ledger.sends(campaign.campaign_id).to_pylist()
    sends = [Send.model_validate({name: row[name] for name in Send.model_fields}) for row in rows]
    first = [
        next(group) for _, group in itertools.groupby(sorted(sends, key=lambda s: s.customer_id), key=lambda s: s.customer_id)
    ]
    yield deps, first[:12], {campaign.campaign_id: gate.terms(plain_shop.plan_of(deps, campaign.campaign_id), deps=deps)}
    plain_shop.close(deps)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.tuples(OUTCOMES, RULES), min_size=12, max_size=12), hours=st.integers(-30, 24 * 20), wrong=st.integers(0, 12)
)
def test_what_goes_in_comes_out_once_and_never_earlier(
    flown: tuple[Deps, list[Send], dict[str, gate.Terms | None]], said: list[Any], hours: int, wrong: int
) -> None:
    deps, sends, terms = flown
    now = sends[0].send_at + timedelta(hours=hours)
    spoiled = [
        send.model_copy(update={"plan_hash": "sha256:0", "channel": "voice"} if place == wrong else {})
        for place, send in enumerate(sends)
    ]
    facts = {"channel": "email", "country": "US", "region": None, "local_minute": 700, "local_weekday": 2, "send_on": now.date()}
    words = {send.send_id: gate.Verdict(outcome, rules, facts) for send, (outcome, rules) in zip(spoiled, said, strict=True)}

    def judged(left: list[Send], *rest: Any, **more: Any) -> list[gate.Verdict]:
        return [words[send.send_id] for send in left]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "verdicts", judged)
        found = gate.look(spoiled, terms, newest(deps), now=now, deps=deps)
    allowed = [send.send_id for send in found.allowed]
    assert sorted([*allowed, *found.removed, *found.delayed]) == sorted(send.send_id for send in spoiled)
    assert all(send in spoiled for send in found.allowed), "nothing is changed on the way"
    assert all(moment > now for moment, _ in found.delayed.values())
    ended = {send.send_id for send in spoiled if now >= _end(terms)}
    for send in spoiled:
        outcome = words[send.send_id].outcome
        if outcome in ("block", "something new") or send.plan_hash == "sha256:0" or send.send_id in ended:
            assert send.send_id not in allowed
        if send.send_id in found.delayed:
            assert found.delayed[send.send_id][0] < _end(terms)


def _end(terms: dict[str, gate.Terms | None]) -> datetime:
    (only,) = terms.values()
    assert only is not None
    return only.ends_at


@pytest.mark.parametrize(
    ("zone", "minute"), [("Asia/Kolkata", 330), ("Asia/Kathmandu", 345), ("America/St_Johns", -150), ("Asia/Tokyo", 540)]
)
def test_a_wait_ends_when_the_hour_is_open_where_the_person_is(
    flown: tuple[Deps, list[Send], dict[str, gate.Terms | None]], zone: str, minute: int
) -> None:
    now = datetime(2026, 6, 2, 1, 7, tzinfo=UTC)
    facts = {"local_minute": (67 + minute) % 1440}
    offset = now.astimezone(gate._zone(gate.Verdict("delay", (), facts), now, "UTC")).utcoffset()
    assert offset == now.astimezone(ZoneInfo(zone)).utcoffset()


def test_who_waits_for_the_whole_country_waits_longer_than_who_does_not(
    flown: tuple[Deps, list[Send], dict[str, gate.Terms | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same minute and state, one with a time zone on record and one without: each has a moment of their own, in whatever order."""
    deps, sends, terms = flown
    now = sends[0].send_at
    facts = {"channel": "sms", "country": "US", "region": "NY", "local_minute": 500, "local_weekday": 2, "send_on": now.date()}
    exact, spread = ({"zone_behind": minutes, "zone_ahead": 0} for minutes in (0, 300))
    for first, second in ((exact, spread), (spread, exact)):
        said = [gate.Verdict("delay", ("SAFE-QUIET",), facts | zone) for zone in (first, second)]
        monkeypatch.setattr(gate, "verdicts", lambda left, *rest, said=said, **more: said)
        found = gate.look(sends[:2], terms, newest(deps), now=now, deps=deps).delayed
        moments = {id(zone): found[send.send_id][0] for send, zone in zip(sends[:2], (first, second), strict=True)}
        assert moments[id(spread)] - moments[id(exact)] == timedelta(hours=5)
