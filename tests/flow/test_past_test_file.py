"""One wide file of a past randomised test is enough: the plan says what it showed, mails whom it moves, and holds people out."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

import plain_shop
from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.errors import ApprovalError
from liftwright.domain.plan import Plan
from liftwright.flow import deciding, dispatch, export, intake, shown, walk
from liftwright.ports import Deps

PEOPLE = 9_000
MOVED = 0.16
"""Extra visits of a person who buys women's things, by the women's e-mail; nobody else is moved by it."""
GOAL = "Raise spend with our women's e-mail over the next two weeks, and leave out people it does not move"
NOW = plain_shop.NOW


def wide_file(path: Path) -> dict[str, np.ndarray]:
    """A file with traits, arm and outcomes of everybody, as a shop's own test would leave it."""
    luck = np.random.default_rng(11)
    womens = luck.integers(0, 2, PEOPLE)
    arm = np.array(["Womens E-Mail", "Mens E-Mail", "No E-Mail"])[luck.integers(0, 3, PEOPLE)]
    extra = np.where(arm == "Womens E-Mail", MOVED * womens, np.where(arm == "Mens E-Mail", 0.05, 0.0))
    visit = (luck.random(PEOPLE) < 0.12 + extra).astype(int)
    conversion = visit * (luck.random(PEOPLE) < 0.2)
    columns = {
        "recency": luck.integers(1, 13, PEOPLE),
        "history": luck.gamma(2.0, 120.0, PEOPLE).round(2),
        "mens": luck.integers(0, 2, PEOPLE),
        "womens": womens,
        "zip_code": np.array(["Urban", "Surburban", "Rural"])[luck.integers(0, 3, PEOPLE)],
        "newbie": luck.integers(0, 2, PEOPLE),
        "channel": np.array(["Web", "Phone", "Multichannel"])[luck.integers(0, 3, PEOPLE)],
        "segment": arm,
        "visit": visit,
        "conversion": conversion,
        "spend": np.round(conversion * luck.gamma(2.0, 40.0, PEOPLE), 2),
    }
    pa_csv.write_csv(pa.table(columns), path)
    return columns


class Kept:
    """The workspace with the imported file and the waiting plan, what the plan says, and the file's columns."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = wide_file(home.parent / "test.csv")
        deps = opened(home)
        self.imported = intake.import_file(home.parent / "test.csv", declared="treatments", deps=deps)
        campaign = asyncio.run(walk.start(GOAL, deps=deps))
        self.campaign_id = campaign.campaign_id
        self.shown = shown.plan_json(self.campaign_id, deps=deps)
        plan = deps.campaigns.plan(self.campaign_id)
        assert plan is not None, self.shown
        self.plan: Plan = plan
        self.tables: dict[str, Any] = {
            what: export.export(self.campaign_id, what, deps=deps) for what in ("assignment", "candidates", "draws", "audience")
        }
        plain_shop.close(deps)


def opened(home: Path, *, days: float = 0) -> Deps:
    """The workspace, that many days after the planning."""
    at = NOW + timedelta(days=days)
    return wiring.build(settings_file.parse({"home": home}), now=lambda: at)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Imported and planned once."""
    return Kept(tmp_path_factory.mktemp("past") / "home")


@pytest.fixture
def waiting(kept: Kept, tmp_path: Path) -> Iterator[Deps]:
    """A copy of it, half an hour later."""
    deps = opened(plain_shop.copy_of(kept.home, tmp_path / "home"), days=1 / 48)
    yield deps
    plain_shop.close(deps)


def people_of(kept: Kept, what: str) -> set[str]:
    return set(kept.tables[what]["customer_id"].to_pylist())


def by_hash(kept: Kept) -> set[str]:
    """The holdout, drawn again with nothing but the salt and the share that the plan states and the strata of its audience."""
    salt, share = kept.plan.experiment.salt, kept.plan.experiment.holdout_share
    strata: dict[int, list[str]] = {}
    for row in kept.tables["audience"].to_pylist():
        strata.setdefault(row["stratum"], []).append(row["customer_id"])
    held: set[str] = set()
    for stratum, names in strata.items():
        start = _number(salt, f"stratum:{stratum}")
        ordered = sorted(names, key=lambda name: _number(salt, name))
        held |= {name for place, name in enumerate(ordered) if (place + start) / len(names) < share}
    return held


def _number(salt: str, name: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{salt}:{name}".encode()).digest()[:8], "big") / 2**64


def test_the_file_is_recognised_without_a_map(kept: Kept) -> None:
    assert kept.imported.tables == {"customers": PEOPLE, "treatments": PEOPLE}
    assert kept.imported.quarantined == 0


def test_the_goal_ends_at_the_approval_and_says_what_the_test_showed(kept: Kept) -> None:
    assert kept.shown["status"] == "awaiting_approval"
    said = next(line for line in kept.shown["evidence"] if "email:womens" in line and "visits" in line)
    found = re.search(r"visits ([+-][\d.]+) points .*95% interval ([+-][\d.]+) points to ([+-][\d.]+) points", said)
    assert found, said
    mid, low, high = (float(number) / 100 for number in found.groups())
    visit, arm = kept.file["visit"], kept.file["segment"]
    truth = visit[arm == "Womens E-Mail"].mean() - visit[arm == "No E-Mail"].mean()
    assert mid == pytest.approx(truth, abs=0.0002)
    assert low < truth < high
    assert high - low == pytest.approx(2 * 1.96 * 0.0095, rel=0.15)


def test_it_says_what_it_cannot_know(kept: Kept) -> None:
    unknown = " ".join(kept.shown["cannot_know"])
    for word in ("consent", "Addresses", "margin rate"):
        assert word in unknown


def test_only_the_womens_line_goes_out_and_only_by_email(kept: Kept) -> None:
    rows = kept.tables["assignment"]
    assert set(rows["channel"].to_pylist()) == {"email"}
    assert set(rows["offer"].to_pylist()) == {"womens"}
    assert {variant.offer for variant in kept.plan.variants} == {"womens"}
    assert set(kept.tables["candidates"]["offer"].to_pylist()) == {"womens"}


def test_people_it_does_not_move_are_left_out(kept: Kept) -> None:
    step = next(step for step in kept.shown["audience"]["funnel"] if "does not move" in step["step"])
    assert step["removed"] > 0.25 * PEOPLE
    chosen = np.array([int(name.removeprefix("row-")) - 1 for name in people_of(kept, "assignment")])
    held = by_hash(kept)
    asked = np.array([f"row-{n + 1:06d}" not in held for n in range(PEOPLE)])
    mailed = np.isin(np.arange(PEOPLE), chosen)
    is_moved = kept.file["womens"] == 1
    assert mailed[is_moved & asked].mean() > 0.8
    assert mailed[~is_moved & asked].mean() < 0.5


def test_the_funnel_adds_up(kept: Kept) -> None:
    audience = kept.shown["audience"]
    left = audience["population"]
    for step in audience["funnel"]:
        left -= step["removed"]
        assert step["left"] == left
    assert left == audience["selected"] == len(people_of(kept, "assignment"))


def test_what_a_contact_pays_for_is_the_number_of_the_funnel(kept: Kept) -> None:
    step = next(step for step in kept.shown["audience"]["funnel"] if "does not move" in step["step"])
    assert f"pay for {step['left']:,} of {kept.shown['audience']['eligible']:,} " in kept.shown["decisions"]["persuadables"]


def test_with_one_line_the_lot_decides_between_it_and_nothing(kept: Kept) -> None:
    rows, draws = kept.tables["assignment"].to_pylist(), kept.tables["draws"].to_pylist()
    drawn = {(row["customer_id"], row["wave"]): row["propensity"] for row in rows if row["randomised"]}
    assert len(drawn) >= 0.05 * len(rows)
    assert all(0.5 <= chance < 1.0 for chance in drawn.values())
    lucky = {(row["customer_id"], row["wave"]): row["propensity"] for row in draws if row["channel"]}
    nothing = {(row["customer_id"], row["wave"]): row["propensity"] for row in draws if not row["channel"]}
    assert lucky == drawn
    assert abs(len(nothing) - len(lucky)) <= 1
    options = {(row["customer_id"], row["wave"]): row["propensity"] for row in kept.tables["candidates"].to_pylist()}
    assert all(options[key] + chance == pytest.approx(1.0) for key, chance in nothing.items())


def test_the_holdout_is_what_the_stated_salt_draws(kept: Kept) -> None:
    audience = kept.tables["audience"].to_pylist()
    held = by_hash(kept)
    assert {row["customer_id"] for row in audience if row["arm"] == "holdout"} == held & {row["customer_id"] for row in audience}
    assert not people_of(kept, "assignment") & held
    assert not people_of(kept, "candidates") & held
    assert kept.shown["audience"]["holdout"] == len(held & {row["customer_id"] for row in audience})


async def test_a_wrong_hash_is_refused_and_nothing_moves(kept: Kept, waiting: Deps) -> None:
    for wrong in ("sha256:" + "0" * 64, "", kept.plan.plan_hash[:-1], kept.plan.plan_hash.upper()):
        with pytest.raises(ApprovalError) as refused:
            await deciding.decide("approve", kept.campaign_id, plan_hash=wrong, by="Ann", deps=waiting)
        assert refused.value.code == "APPROVAL-STALE"
        assert kept.plan.plan_hash in str(refused.value)
    assert dispatch.drain(deps=waiting, worker="w")["leased"] == 0
    assert waiting.ledger.sends().num_rows == 0
    assert waiting.campaigns.get(kept.campaign_id).status == "awaiting_approval"


async def test_the_right_hash_writes_the_action_files_and_leaves_the_holdout_alone(kept: Kept, waiting: Deps) -> None:
    campaign = await deciding.decide("approve", kept.campaign_id, plan_hash=kept.plan.plan_hash, by="Ann", deps=waiting)
    assert campaign.status in ("approved", "running")
    assert waiting.ledger.counts(kept.campaign_id)["planned"] == kept.plan.assignment.touches
    days = sorted({at.date() for at in waiting.ledger.sends()["send_at"].to_pylist()})
    plain_shop.close(waiting)
    rows: list[dict[str, str]] = []
    for day in days:
        later = opened(waiting.settings.home, days=(day - NOW.date()).days + 0.25)
        dispatch.drain(deps=later, worker="w", limit=5_000)
        plain_shop.close(later)
    files = sorted((waiting.settings.home / "outbox" / "actions").glob("*.csv"))
    assert files
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert {row["send_at"][:10] for row in found} == {path.stem}
        rows += found
    assert list(rows[0]) == ["send_id", "customer_id", "channel", "offer", "discount", "variant", "send_at", "campaign_id"]
    assert len({row["send_id"] for row in rows}) == len(rows) == kept.plan.assignment.touches
    assert {row["campaign_id"] for row in rows} == {kept.campaign_id}
    assert {row["customer_id"] for row in rows} == people_of(kept, "assignment")
    assert not {row["customer_id"] for row in rows} & by_hash(kept)
