"""The ladder, by histories: what earns a step, what does not, what takes it away, and for how long it is held."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import ladder as rules
from liftwright.compliance.autonomy import LEVELS
from liftwright.domain.autonomy import Cell, Closed, Drill, Rung
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import PolicyError
from liftwright.domain.figures import Interval
from liftwright.library import DiskLibrary

DATA = DiskLibrary().policies().autonomy
LADDER = rules.ladder_of(DATA)
START = datetime(2026, 1, 1, tzinfo=UTC)
CELL = Cell(action_class="texts", channel="email", band="small")
TOLD = Interval(low=50, mid=100, high=150)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def won(number: int, **changes: Any) -> Closed:
    """A campaign that closed on a day, a powered win as foretold unless said otherwise."""
    values: dict[str, Any] = {
        "campaign_id": f"c{number}",
        "closed_at": day(number),
        "channels": ("email",),
        "band": "small",
        "verdict": "win",
        "is_powered": True,
        "forecast": TOLD,
        "realised": TOLD,
        "exercised": ("resplit",),
    }
    return Closed(**(values | changes))


def lacks(closed: list[Closed], *, at: float = 40, drills: list[Drill] | None = None, held: Rung | None = None) -> list[str]:
    drilled = [Drill(campaign_id="c1", at=day(5), passed=True)] if drills is None else drills
    return rules.missing(LADDER, CELL, held or Rung(level="controlled"), closed, drilled, at=day(at))


def test_two_powered_wins_as_foretold_without_a_breach_and_a_drill_earn_one_step() -> None:
    assert lacks([won(10), won(20)]) == []
    step = rules.proposal(CELL, Rung(level="controlled"), [won(10), won(20)], ladder=LADDER, by="x", at=day(40))
    assert (step.level, step.to, step.wins) == ("controlled", "adaptive", ("c10", "c20"))


@pytest.mark.parametrize(
    ("closed", "because"),
    [
        ([], "0 of 2 powered wins"),
        ([won(10)], "1 of 2 powered wins"),
        ([won(10), won(20, is_powered=False)], "(c20 won at a size too small to count)"),
        ([won(10), won(20, verdict="inconclusive")], "1 of 2"),
        ([won(10), won(20, channels=("sms",))], "1 of 2"),
        ([won(10), won(20, band="large")], "1 of 2"),
        ([won(10), won(20, breaches=("violation",))], "c20: violation"),
        ([won(10), won(20), won(30, verdict="harm", breaches=("harm",))], "c30: harm"),
        ([won(10), won(20, realised=Interval(low=-90, mid=-50, high=10))], "1 of 2 forecasts agree"),
        ([won(10, exercised=()), won(20, exercised=("pause",))], "no campaign has yet used it (resplit)"),
    ],
)
def test_anything_less_earns_nothing_and_says_what_is_missing(closed: list[Closed], because: str) -> None:
    assert because in "; ".join(lacks(closed))


@pytest.mark.parametrize(
    "drills",
    [
        [],
        [Drill(campaign_id="c1", at=day(5), passed=False)],
        [Drill(campaign_id="c1", at=day(5), passed=True), Drill(campaign_id="c1", at=day(6), passed=False)],
        [Drill(campaign_id="c1", at=day(-60), passed=True)],
    ],
)
def test_without_a_drill_that_passed_last_and_lately_there_is_no_step(drills: list[Drill]) -> None:
    assert lacks([won(10), won(20)], drills=drills) == ["no shutdown drill passed within 90 days"]


def test_a_breach_counts_until_enough_clean_campaigns_came_after_it() -> None:
    dirty = won(10, breaches=("guardrail",), verdict="inconclusive")
    assert lacks([dirty, won(20), won(21), won(22)]) == ["c10: guardrail"]
    assert lacks([dirty, won(20), won(21), won(22), won(23)]) == []


def test_no_win_earns_two_steps() -> None:
    higher = Rung(level="adaptive", since=day(25))
    assert lacks([won(10), won(20)], held=higher)[0] == "0 of 2 powered wins over the holdout"
    assert lacks([won(10), won(20), won(26), won(27)], held=higher) == []
    assert lacks([won(10), won(20)], held=Rung(level="strategic")) == ["it is at the highest level"]


# ---------------------------------------------------------------- levels told by entries


def entry(number: float, action: str, **detail: Any) -> JournalEntry:
    return JournalEntry(
        seq=int(number * 10) + 1,
        prev_hash="",
        at=day(number),
        actor="ann",
        action=action,
        subject="autonomy",
        detail=detail,
        entry_hash="",
    )


def promoted(number: float, to: str, *, lasts: float = 180, cell: Cell = CELL) -> JournalEntry:
    until = day(number + lasts).isoformat()
    return entry(number, rules.PROMOTED, cell=cell.key, to=to, wins=["c1"], until=until, proposal_id="l-1")


def demoted(number: float, to: str, cell: Cell = CELL) -> JournalEntry:
    return entry(number, rules.DEMOTED, cells=[cell.key], to=to, says="c1: it did harm", campaign_id="c1", breach="harm")


OTHER = Cell(action_class="texts", channel="sms", band="small")
HISTORIES: list[tuple[str, list[JournalEntry], float, str]] = [
    ("nothing happened", [], 1, "controlled"),
    ("promoted", [promoted(1, "adaptive")], 2, "adaptive"),
    ("asked before it was", [promoted(5, "adaptive")], 4, "controlled"),
    ("twice", [promoted(1, "adaptive"), promoted(2, "strategic")], 3, "strategic"),
    ("the evidence ran out, to the moment", [promoted(1, "adaptive", lasts=10)], 11, "controlled"),
    ("the moment before", [promoted(1, "adaptive", lasts=10)], 10.999, "adaptive"),
    ("the upper step ran out first", [promoted(1, "adaptive", lasts=90), promoted(2, "strategic", lasts=5)], 8, "adaptive"),
    ("the lower step ran out first", [promoted(1, "adaptive", lasts=5), promoted(2, "strategic", lasts=90)], 20, "strategic"),
    ("both ran out", [promoted(1, "adaptive", lasts=5), promoted(2, "strategic", lasts=9)], 20, "controlled"),
    ("a breach", [demoted(1, "semi_autonomous")], 2, "semi_autonomous"),
    ("a breach after a step takes both", [promoted(1, "adaptive"), demoted(2, "semi_autonomous")], 3, "semi_autonomous"),
    ("a breach never lifts", [demoted(1, "assistive"), demoted(2, "semi_autonomous")], 3, "assistive"),
    ("a breach lasts", [demoted(1, "assistive")], 5_000, "assistive"),
    ("a step after a breach", [demoted(1, "assistive"), promoted(2, "semi_autonomous")], 3, "semi_autonomous"),
    ("and falls back to it", [demoted(1, "assistive"), promoted(2, "semi_autonomous", lasts=5)], 9, "assistive"),
    ("somebody else's breach", [demoted(1, "assistive", OTHER)], 2, "controlled"),
    ("somebody else's step", [promoted(1, "adaptive", cell=OTHER)], 2, "controlled"),
    ("an answer to nothing", [entry(1, rules.REFUSED, proposal_id="l-9", reason="no")], 2, "controlled"),
]


@pytest.mark.parametrize(("entries", "at", "level"), [each[1:] for each in HISTORIES], ids=[each[0] for each in HISTORIES])
def test_the_level_is_what_the_entries_say(entries: list[JournalEntry], at: float, level: str) -> None:
    assert rules.rung(LADDER, CELL, entries, at=day(at)).level == level


events = st.lists(
    st.tuples(
        st.sampled_from(["up", "down"]),
        st.sampled_from(LEVELS),
        st.integers(1, 60),
        st.sampled_from([CELL, OTHER]),
        st.integers(1, 40),
    ),
    max_size=8,
)


@given(events)
@settings(max_examples=300)
def test_nobody_is_ever_higher_than_a_step_that_stands_and_a_breach_always_counts(history: list[Any]) -> None:
    at = 0
    entries = []
    for kind, level, lasts, cell, gap in history:
        at += gap
        entries.append(promoted(at, level, lasts=lasts, cell=cell) if kind == "up" else demoted(at, level, cell))
    now = day(at + 1)
    found = rules.rung(LADDER, CELL, entries, at=now).level
    mine = [each for each in entries if CELL.key in (each.detail.get("cell"), *each.detail.get("cells", ()))]
    standing = [e.detail["to"] for e in mine if e.action == rules.PROMOTED and now < datetime.fromisoformat(e.detail["until"])]
    assert LEVELS.index(found) <= max(map(LEVELS.index, ["controlled", *standing]))
    if mine and mine[-1].action == rules.DEMOTED:
        assert LEVELS.index(found) <= LEVELS.index(mine[-1].detail["to"])


records = st.lists(
    st.builds(
        won,
        st.integers(1, 39),
        verdict=st.sampled_from(["win", "harm", "inconclusive", "futile", "invalid"]),
        is_powered=st.booleans(),
        breaches=st.sampled_from([(), ("violation",), ("harm",)]),
        exercised=st.sampled_from([(), ("resplit",)]),
        realised=st.sampled_from([TOLD, None, Interval(low=-9, mid=-8, high=-7)]),
    ),
    max_size=8,
)


@given(records, st.booleans())
@settings(max_examples=400)
def test_no_history_earns_a_step_without_every_condition(closed: list[Closed], drilled: bool) -> None:
    drills = [Drill(campaign_id="c", at=day(30), passed=True)] if drilled else []
    if lacks(closed, drills=drills) == []:
        in_order = sorted(closed, key=lambda each: each.closed_at)
        assert drilled
        assert sum(each.verdict == "win" and each.is_powered for each in closed) >= 2
        assert not any(each.breaches for each in in_order[-4:])
        assert any("resplit" in each.exercised for each in closed)


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["ladder"]["bands"].update(medium=10), "bands must ascend"),
        (lambda d: d["ladder"]["bands"].update(large=5), "bands must ascend"),
        (lambda d: d["ladder"]["demotion"].pop("harm"), "says nothing about harm"),
        (lambda d: d["ladder"]["demotion"]["harm"].update(to="wild"), "'wild' is no level"),
        (lambda d: d["ladder"]["demotion"].update(mood={"to": "assistive"}), "demotion.mood"),
        (lambda d: d["ladder"]["classes"]["texts"].update(actions=["choose_variant"]), "new_content"),
        (lambda d: d["ladder"]["classes"]["texts"].update(actions=["choose_variant", "new_content", "fly"]), "fly"),
        (lambda d: d["ladder"]["classes"]["models"].update(actions=["retrain_model", "observe"]), "observe"),
        (lambda d: d["ladder"]["promotion"].update(roles=["king"]), "not declared"),
        (lambda d: d["ladder"]["promotion"].update(wins=0), "promotion.wins"),
        (lambda d: d["ladder"]["promotion"].update(win=2), "promotion.win"),
        (lambda d: d.pop("ladder"), "bands"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(change: Any, says: str) -> None:
    data = copy.deepcopy(dict(DATA))
    change(data)
    with pytest.raises(PolicyError, match=says):
        rules.ladder_of(data)


@pytest.mark.parametrize(
    ("spend", "band"), [(0, "small"), (999.99, "small"), (1000, "medium"), (9999, "medium"), (10_000, "large")]
)
def test_a_band_begins_at_its_bound(spend: float, band: str) -> None:
    assert rules.band_of(LADDER, spend) == band
