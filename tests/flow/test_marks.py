"""Marks on the chart of a campaign: each thing that happened once, of its kind, between the right looks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.domain.figures import LookPoint
from liftwright.flow import marks, pausing, reporting, stopping

COLUMNS = ("wave", "state", "send_at", "sent_at")


def test_answers_moves_stops_and_sends_are_told_apart(tmp_path: Path) -> None:
    home, campaign = plain_shop.measured()
    name, clock = campaign.campaign_id, [plain_shop.NINTH_DAY]
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: clock[0])
    for do in (pausing.hold, pausing.resume, stopping.stop):
        clock[0] += timedelta(minutes=1)
        do(name, by="Ann", reason="so", deps=deps)
    sends = deps.ledger.sends(name, columns=COLUMNS)
    found = marks.of(reporting.report(name, deps=deps), sends, deps=deps)
    kinds = {mark["says"]: mark["kind"] for mark in found}
    assert kinds["approved"] == kinds["launched"] == kinds["resume (PERSON)"] == "approval"
    assert kinds["pause (PERSON)"] == kinds["stop (KILL-SWITCH)"] == "stop"
    assert {says for says, kind in kinds.items() if kind == "reallocation"}
    reached = {row["wave"] for row in sends.to_pylist() if row["state"] in reporting.REACHED}
    assert {says for says, kind in kinds.items() if kind == "send"} == {f"wave {wave} begins to leave" for wave in reached}
    assert [mark["at"] for mark in found] == sorted(mark["at"] for mark in found)
    plain_shop.close(deps)


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 50), unique=True, min_size=1))
def test_every_mark_stands_at_one_look_the_first_after_it(at: list[int], looks: list[int]) -> None:
    def moment(hour: int) -> Any:
        return plain_shop.NOW + timedelta(hours=hour)

    points = [LookPoint(at=moment(hour), conversions=1, information=0.1, spending=0.1) for hour in sorted(looks)]
    happened = [{"at": moment(hour), "kind": "send", "says": str(hour)} for hour in sorted(at)]
    placed = marks.between(happened, points)
    assert [mark for each in placed for mark in each] == happened
    for number, each in enumerate(placed):
        since = points[number - 1].at if number else None
        for mark in each:
            assert since is None or mark["at"] > since
            assert mark["at"] <= points[number].at or number == len(points) - 1


def test_without_a_look_there_is_nowhere_to_stand() -> None:
    assert marks.between([{"at": plain_shop.NOW, "kind": "send", "says": "x"}], []) == []
