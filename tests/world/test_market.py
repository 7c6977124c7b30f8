"""The market as an outside system meets it: files, actions, events; the same luck whatever is sent."""

import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest

from liftwright import settings as house_settings
from liftwright.domain.errors import DataError
from liftwright.world.market import Market, write_events

START = date(2026, 3, 2)


def market(*, customers: int = 1_500, seed: int = 3) -> Market:
    return Market(customers=customers, seed=seed, starts_on=START)


@pytest.fixture(scope="module")
def lived() -> Market:
    return market()


def written(table: pa.Table) -> bytes:
    """The table as its CSV file."""
    file = io.BytesIO()
    pa_csv.write_csv(table, file)
    return file.getvalue()


def actions(
    of: Market, *, day: date = START, channel: str = "email", discount: float = 0.0, first: int = 0, last: int = 500
) -> pa.Table:
    ids = of.people.ids[first:last].tolist()
    return pa.table(
        {
            "send_id": [f"{day}-{channel}-{name}" for name in ids],
            "customer_id": ids,
            "channel": [channel] * len(ids),
            "offer": ["none"] * len(ids),
            "discount": [discount] * len(ids),
            "send_at": [datetime(day.year, day.month, day.day, 15, tzinfo=UTC)] * len(ids),
        }
    )


def test_the_same_seed_gives_the_same_market(lived: Market) -> None:
    again = market()
    assert again.events.equals(lived.events)
    assert again.treatments.equals(lived.treatments)
    assert again.customers().equals(lived.customers())


def test_the_demos_market_is_the_one_every_figure_was_measured_on(lived: Market) -> None:
    """People, history and settings of the four channels, byte for byte: with another market, earlier figures would mean nothing."""
    seen = [written(table) for table in (lived.customers(), lived.events, lived.treatments)]
    assert [hashlib.sha256(text).hexdigest()[:16] for text in seen] == [
        "22897b282bb0d9af",
        "66c39f580e44d947",
        "814241aeb870cc6e",
    ]
    settings = json.dumps(lived.settings(), sort_keys=True)
    assert hashlib.sha256(settings.encode()).hexdigest()[:16] == "f89bc49092032b26"


def test_another_seed_gives_another_market(lived: Market) -> None:
    assert not market(seed=4).customers()["sale_share"].equals(lived.customers()["sale_share"])


def test_it_writes_every_file_import_reads(lived: Market, tmp_path: Path) -> None:
    files = lived.files(tmp_path / "shop")
    assert set(files) == {"customers", "events", "treatments", "products", "prices", "evidence", "documents"}
    customers = pa_csv.read_csv(files["customers"])
    assert customers.num_rows == 1_500
    assert {"customer_id", "email", "consent_email", "consent_sms", "consent_push", "consent_direct_mail", "womens"} <= set(
        customers.column_names
    )
    assert pa_parquet.read_table(files["events"]).num_rows == lived.events.num_rows
    assert {"customer_id", "treated_at", "arm", "channel", "offer", "discount", "propensity", "cost", "wave"} == set(
        pa_csv.read_csv(files["treatments"]).column_names
    )
    assert {"evidence_id", "kind", "claim"} <= set(pa_csv.read_csv(files["evidence"]).column_names)
    assert files["documents"].read_text(encoding="utf-8").startswith("# ")


def test_no_hidden_trait_is_in_the_files(lived: Market) -> None:
    visible = {*lived.customers().column_names, *lived.events.column_names, *lived.treatments.column_names}
    assert not visible & {"kind", "persuasion", "need", "irritation", "affinity", "base", "value", "hour"}


def test_identifiers_are_unique_and_nobody_real(lived: Market) -> None:
    customers = lived.customers()
    assert pc.count_distinct(customers["email"]).as_py() == 1_500
    phones = customers["phone"].drop_null()
    assert pc.count_distinct(phones).as_py() == len(phones)
    assert pc.all(pc.match_substring_regex(phones, r"^\+1\d{3}55501\d\d$")).as_py()
    assert pc.all(pc.ends_with(customers["email"], "@example.com")).as_py()


def test_its_settings_are_valid_settings(lived: Market) -> None:
    parsed = house_settings.parse(lived.settings())
    assert parsed.channels["email"].capacity_per_day == 1_500
    assert parsed.channels["voice"].capacity_per_day == 0
    assert parsed.offers["save10"].discount == 0.10
    assert parsed.margin.rate == 0.45


def test_event_ids_never_repeat_and_times_are_in_order() -> None:
    fresh = market(customers=300)
    fresh.step(START + timedelta(days=2))
    assert pc.count_distinct(fresh.events["event_id"]).as_py() == fresh.events.num_rows
    at = fresh.events["occurred_at"].cast(pa.int64()).to_numpy()
    assert np.all(np.diff(at) >= 0)


def test_nothing_happens_before_a_person_joined_or_after_today(lived: Market) -> None:
    joined = dict(zip(lived.people.ids, lived.people.created, strict=True))
    days = lived.events["occurred_at"].cast(pa.int64()).to_numpy() // 86_400_000_000
    names = lived.events["customer_id"].to_pylist()
    assert all(day >= joined[name] for day, name in zip(days, names, strict=True))
    assert days.max() < (START - date(1970, 1, 1)).days


def test_logged_propensities_are_the_chances_that_were_used() -> None:
    shop = market(customers=6_000)
    history, consent = shop.treatments, shop.people.consent == "granted"
    is_control = pc.equal(history["arm"], "control").to_numpy()
    propensity = history["propensity"].to_numpy()
    assert is_control.mean() == pytest.approx(0.30, abs=0.01)
    assert np.all(propensity[is_control] == 0.30)
    place = {name: number for number, name in enumerate(shop.people.ids)}
    person = np.array([place[name] for name in history["customer_id"].to_pylist()])
    for arm in ("email:none", "sms:none", "push:save10", "direct_mail:save20"):
        taken = pc.equal(history["arm"], arm).to_numpy()
        could = consent[person, tuple(shop.parameters.channels).index(arm.split(":")[0])].sum()
        assert (1 / propensity[taken]).sum() == pytest.approx(could, rel=0.08)


def test_treated_people_had_given_consent(lived: Market) -> None:
    history, consent = lived.treatments, lived.people.consent
    place = {name: number for number, name in enumerate(lived.people.ids)}
    channels = tuple(lived.parameters.channels)
    for name, channel in zip(history["customer_id"].to_pylist(), history["channel"].to_pylist(), strict=True):
        if channel is not None:
            assert consent[place[name], channels.index(channel)] == "granted"


def test_a_policy_changes_only_the_lives_it_touches() -> None:
    left, right = market(customers=800), market(customers=800)
    right.act(START, actions(right, last=100))
    untouched = set(left.people.ids[100:])

    def seen(of: Market) -> list[tuple[object, ...]]:
        events = of.step(START + timedelta(days=9)).to_pylist()
        return [(e["customer_id"], e["type"], e["occurred_at"], e["amount"]) for e in events if e["customer_id"] in untouched]

    assert seen(left) == seen(right)


def test_sends_come_back_as_events_with_their_send_id() -> None:
    fresh = market(customers=1_000)
    sent = actions(fresh, last=1_000)
    fresh.act(START, sent)
    happened = fresh.step(START)
    delivered = happened.filter(pc.equal(happened["type"], "delivered"))
    assert 0.95 < delivered.num_rows / 1_000 <= 1
    assert set(delivered["send_id"].to_pylist()) <= set(sent["send_id"].to_pylist())
    opened = happened.filter(pc.equal(happened["type"], "email_open"))
    assert opened.num_rows > 0.3 * 1_000


def test_sending_the_same_send_id_twice_has_one_effect() -> None:
    fresh = market(customers=400)
    sent = actions(fresh, last=50)
    assert fresh.act(START, sent) == 50
    assert fresh.act(START, sent) == 0
    happened = fresh.step(START)
    delivered = pc.sum(pc.equal(happened["type"], "delivered")).as_py()
    assert delivered <= 50


def test_opt_outs_persist_into_the_next_campaign() -> None:
    fresh = market(customers=4_000)
    for gone in range(8):
        fresh.act(START + timedelta(days=gone), actions(fresh, day=START + timedelta(days=gone), last=4_000))
        fresh.step(START + timedelta(days=gone))
    left = fresh.events.filter(pc.and_(pc.equal(fresh.events["type"], "opt_out"), pc.is_valid(fresh.events["send_id"])))
    gone_people = set(left["customer_id"].to_pylist())
    assert len(gone_people) > 20
    customers = fresh.customers()
    denied = customers.filter(pc.equal(customers["consent_email"], "denied"))["customer_id"].to_pylist()
    assert gone_people <= set(denied)
    later = START + timedelta(days=30)
    fresh.act(later, actions(fresh, day=later, last=4_000))
    reached = fresh.step(later)
    delivered = set(reached.filter(pc.equal(reached["type"], "delivered"))["customer_id"].to_pylist())
    assert delivered
    assert not delivered & gone_people


def test_events_of_a_day_are_written_as_a_file(tmp_path: Path) -> None:
    fresh = market(customers=300)
    path = write_events(fresh.step(START), tmp_path / "in", day=START)
    assert path.name == "events-2026-03-02.parquet"
    assert pa_parquet.read_table(path).schema.equals(fresh.events.schema)


def test_days_that_were_not_stepped_are_lived_too() -> None:
    one, other = market(customers=500), market(customers=500)
    jumped = one.step(START + timedelta(days=3))
    walked = pa.concat_tables([other.step(START + timedelta(days=gone)) for gone in range(4)])
    assert jumped.drop_columns("event_id").equals(walked.drop_columns("event_id"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.drop_columns("channel"), "WORLD-COLUMN"),
        (lambda t: t.set_column(1, "customer_id", [["nobody"] * t.num_rows]), "WORLD-PERSON"),
        (lambda t: t.set_column(5, "send_at", [[datetime(2026, 3, 9, tzinfo=UTC)] * t.num_rows]), "WORLD-DAY"),
    ],
)
def test_actions_it_cannot_keep_whole_are_refused(lived: Market, change: Callable[[pa.Table], pa.Table], code: str) -> None:
    with pytest.raises(DataError) as error:
        lived.act(START, change(actions(lived, last=5)))
    assert error.value.code == code


def test_a_day_that_is_over_takes_no_actions() -> None:
    fresh = market(customers=200)
    fresh.step(START)
    with pytest.raises(DataError, match="WORLD-PAST"):
        fresh.act(START, actions(fresh, last=5))


def test_an_action_file_read_back_as_text_works(tmp_path: Path) -> None:
    fresh = market(customers=300)
    sent = actions(fresh, last=40)
    sent = sent.set_column(5, "send_at", [[moment.isoformat() for moment in sent["send_at"].to_pylist()]])
    assert fresh.act(START, sent) == 40


def test_an_empty_market_is_refused() -> None:
    with pytest.raises(DataError, match="WORLD-EMPTY"):
        market(customers=0)
