"""A healthy shop as tables, and the faults that real exports have, each seeded into a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)
DAY_US = 86_400_000_000
STAMP = pa.timestamp("us", tz="UTC")
PEOPLE, EVENTS, LEADS, DAYS = 4_000, 40_000, 3_000, 300
FIRST = ("Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gül", "Hélène", "Ivo", "Jörg", "Kim", "Lou", "Mia", "Noé", "Olga", "Per")
LAST = ("Ames", "Bach", "Cho", "Dörr", "Eng", "Fox", "Gray", "Hill", "Ito", "Jung", "Kay", "Lund", "Moré", "Nash", "Orr", "Peña")
Tables = dict[str, pa.Table]
Fault = Callable[[Tables, np.random.Generator], Tables]


def clean(seed: int) -> Tables:
    """Customers, events and leads without any fault."""
    rng = np.random.default_rng(seed)
    return {"customers": _customers(rng), "events": _events(rng), "leads": _leads(rng)}


def _times(at: np.ndarray) -> pa.Array:
    return pa.array(at.astype(np.int64)).cast(STAMP)


def _customers(rng: np.random.Generator) -> pa.Table:
    first, last = np.array(FIRST)[rng.integers(0, len(FIRST), PEOPLE)], np.array(LAST)[rng.integers(0, len(LAST), PEOPLE)]
    seen = NOW_US - (rng.exponential(20, PEOPLE) * DAY_US)
    return pa.table(
        {
            "customer_id": [f"C{n:05d}" for n in range(PEOPLE)],
            "email": [f"{FIRST[n % 16].lower()}.{n}@example.com" for n in range(PEOPLE)],
            "phone": pa.array([f"+1212{5550000 + n}" for n in range(PEOPLE)], mask=rng.random(PEOPLE) < 0.3),
            "first_name": first,
            "last_name": last,
            "birth_date": [(NOW - timedelta(days=int(d))).date() for d in rng.integers(7_000, 28_000, PEOPLE)],
            "created_at": _times(NOW_US - rng.random(PEOPLE) * 1_000 * DAY_US),
            "crm_updated_at": _times(seen),
            "segment": pa.array(np.array(["new", "loyal", "lapsed"])[rng.integers(0, 3, PEOPLE)], mask=rng.random(PEOPLE) < 0.1),
            "score": rng.normal(size=PEOPLE),
            "consent_email": np.array(["granted", "denied"])[(rng.random(PEOPLE) < 0.2).astype(int)],
            "contract_until": _times(NOW_US + rng.random(PEOPLE) * 300 * DAY_US),
        }
    )


def _events(rng: np.random.Generator) -> pa.Table:
    day = rng.choice(DAYS, size=EVENTS, p=_week(DAYS))
    hour = np.clip(np.where(rng.random(EVENTS) < 0.4, 10, 19) + 1.5 * rng.standard_normal(EVENTS), 0, 23.99)
    at = NOW_US - (NOW_US % DAY_US) - (DAYS - day) * DAY_US + hour * 3_600_000_000 + rng.integers(0, 10**6, EVENTS)
    kind = np.array(["purchase", "visit", "click", "email_open"])[rng.choice(4, EVENTS, p=[0.3, 0.5, 0.1, 0.1])]
    bought = kind == "purchase"
    return pa.table(
        {
            "event_id": [f"E{n}" for n in range(EVENTS)],
            "customer_id": [f"C{n:05d}" for n in (PEOPLE * rng.random(EVENTS) ** 1.5).astype(int)],
            "type": kind,
            "occurred_at": _times(at),
            "channel": np.array(["web", "email", "store"])[rng.integers(0, 3, EVENTS)],
            "amount": pa.array(np.round(np.exp(3.6 + 0.6 * rng.standard_normal(EVENTS)), 2), mask=~bought),
            "currency": pa.array(["USD"] * EVENTS, mask=~bought),
            "received_at": _times(at + rng.exponential(60, EVENTS) * 1e6),
        }
    )


def _week(days: int) -> np.ndarray:
    """Fewer outcomes at weekends."""
    weight = np.where(np.arange(days) % 7 >= 5, 0.35, 1.0)
    return weight / weight.sum()


def _leads(rng: np.random.Generator) -> pa.Table:
    quality, source = rng.normal(size=LEADS), rng.integers(0, 4, LEADS)
    chance = 1 / (1 + np.exp(1.2 - 0.9 * quality - 0.4 * (source == 2)))
    won = rng.random(LEADS) < chance
    created = NOW_US - rng.random(LEADS) * 280 * DAY_US - 10 * DAY_US
    return pa.table(
        {
            "lead_id": [f"L{n}" for n in range(LEADS)],
            "created_at": _times(created),
            "outcome": np.where(won, "won", "lost"),
            "amount": pa.array(np.round(rng.gamma(2, 500, LEADS), 2), mask=~won),
            "closed_at": _times(created + rng.random(LEADS) * 9 * DAY_US),
            "source": np.array(["search", "fair", "referral", "advert"])[source],
            "pages": np.round(4 + 2 * quality + rng.normal(size=LEADS), 1),
            "city": np.array(["Bern", "Oslo", "Rome"])[rng.integers(0, 3, LEADS)],
        }
    )


def _set(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _doubled(tables: Tables, rng: np.random.Generator, change: Callable[[str], str], **columns: object) -> Tables:
    """A twentieth of the customers a second time, under a new id and with a changed address."""
    customers = tables["customers"]
    again = customers.take(pa.array(np.sort(rng.choice(customers.num_rows, customers.num_rows // 20, replace=False))))
    again = _set(again, "customer_id", pa.array([f"D{n}" for n in range(again.num_rows)]))
    again = _set(again, "email", pa.array([change(text) for text in again["email"].to_pylist()]))
    for name, value in columns.items():
        again = _set(again, name, pa.array([value] * again.num_rows, customers.schema.field(name).type))
    return tables | {"customers": pa.concat_tables([customers, again])}


def split_identities(tables: Tables, rng: np.random.Generator) -> Tables:
    return _doubled(tables, rng, lambda text: text.replace("@", "+shop@"))


def other_addresses(tables: Tables, rng: np.random.Generator) -> Tables:
    """The second record has another address and no phone: only name and birth date tell."""
    return _doubled(tables, rng, lambda text: "old." + text, phone=None)


def case_duplicates(tables: Tables, rng: np.random.Generator) -> Tables:
    return _doubled(tables, rng, str.title, phone=None)


def torn_consent(tables: Tables, rng: np.random.Generator) -> Tables:
    """The second record says the contrary of some first ones."""
    return _doubled(tables, rng, lambda text: text.replace("@", "+x@"), consent_email="denied")


def missing_outcomes(tables: Tables, rng: np.random.Generator) -> Tables:
    """14 days in the middle without purchases and visits."""
    first = NOW_US - int(rng.integers(60, 200)) * DAY_US
    return _without(tables, first, first + 14 * DAY_US)


def outcomes_ended(tables: Tables, rng: np.random.Generator) -> Tables:
    """Nothing for the last 14 days."""
    return _without(tables, NOW_US - 14 * DAY_US, NOW_US + DAY_US)


def _without(tables: Tables, first: int, end: int) -> Tables:
    at = tables["events"]["occurred_at"].cast(pa.int64())
    silent = pc.and_(
        pc.and_(pc.greater_equal(at, first), pc.less(at, end)),
        pc.is_in(tables["events"]["type"], pa.array(["purchase", "visit"])),
    )
    return tables | {"events": tables["events"].filter(pc.invert(silent))}


def meeting_label(tables: Tables, rng: np.random.Generator) -> Tables:
    """Meetings are booked by the curious; revenue comes from others."""
    leads = tables["leads"]
    pages = leads["pages"].to_numpy()
    meets = rng.random(LEADS) < 1 / (1 + np.exp(0.8 * (pages - 4)))
    pays = rng.random(LEADS) < 0.3 / (1 + np.exp(2 - 0.9 * (pages - 4)))
    leads = _set(leads, "outcome", pa.array(np.where(meets, "meeting_booked", "no")))
    return tables | {"leads": _set(leads, "amount", pa.array(np.round(rng.gamma(2, 500, LEADS), 2), mask=~pays))}


def stale_feed(tables: Tables, rng: np.random.Generator) -> Tables:
    """The customer system stopped updating four months ago."""
    customers = tables["customers"]
    at = np.minimum(customers["crm_updated_at"].cast(pa.int64()).to_numpy(), NOW_US - 120 * DAY_US)
    return tables | {"customers": _set(customers, "crm_updated_at", _times(at))}


def abandoned_column(tables: Tables, rng: np.random.Generator) -> Tables:
    """New customers no longer get a segment."""
    customers = tables["customers"]
    new = pc.greater(customers["created_at"].cast(pa.int64()), NOW_US - 150 * DAY_US)
    return tables | {"customers": _set(customers, "segment", pc.if_else(new, pa.scalar(None, pa.string()), customers["segment"]))}


def frozen_column(tables: Tables, rng: np.random.Generator) -> Tables:
    """Since a month all events say the channel is web."""
    events = tables["events"]
    new = pc.greater(events["occurred_at"].cast(pa.int64()), NOW_US - 30 * DAY_US)
    return tables | {"events": _set(events, "channel", pc.if_else(new, "web", events["channel"]))}


def leaking_note(tables: Tables, rng: np.random.Generator) -> Tables:
    """What the seller wrote down when the lead was closed."""
    won = pc.equal(tables["leads"]["outcome"], "won").to_numpy()
    wrong = rng.random(LEADS) < 0.03
    note = np.where(won ^ wrong, "contract sent", np.array(["no answer", "too dear"])[rng.integers(0, 2, LEADS)])
    return tables | {"leads": tables["leads"].append_column("note", pa.array(note))}


def leaking_date(tables: Tables, rng: np.random.Generator) -> Tables:
    """A date that only winners have."""
    won = pc.equal(tables["leads"]["outcome"], "won").to_numpy() & (rng.random(LEADS) < 0.4)
    dates = _times(np.where(won, NOW_US - DAY_US, 0))
    return tables | {
        "leads": tables["leads"].append_column("invoice_sent_at", pc.if_else(pa.array(won), dates, pa.scalar(None, STAMP)))
    }


def mixed_currency(tables: Tables, rng: np.random.Generator) -> Tables:
    events = tables["events"]
    foreign = pa.array(rng.random(events.num_rows) < 0.1)
    code = pc.if_else(pc.and_(foreign, pc.is_valid(events["amount"])), "EUR", events["currency"])
    return tables | {"events": _set(events, "currency", code)}


def mixed_units(tables: Tables, rng: np.random.Generator) -> Tables:
    """One source sends cents."""
    events = tables["events"]
    cents = pa.array(rng.random(events.num_rows) < 0.05)
    amount = pc.if_else(cents, pc.round(pc.multiply(events["amount"], 100.0)), events["amount"])
    return tables | {"events": _set(events, "amount", amount)}


def shifted_clock(tables: Tables, rng: np.random.Generator) -> Tables:
    """For two months local time was written as UTC."""
    events = tables["events"]
    at = events["occurred_at"].cast(pa.int64()).to_numpy()
    wrong = (at > NOW_US - 150 * DAY_US) & (at < NOW_US - 90 * DAY_US)
    return tables | {"events": _set(events, "occurred_at", _times(at - np.where(wrong, 6 * 3_600_000_000, 0)))}


def shifted_source(tables: Tables, rng: np.random.Generator) -> Tables:
    """Stores write local time."""
    events = tables["events"]
    wrong = pc.equal(events["channel"], "store").to_numpy()
    at = events["occurred_at"].cast(pa.int64()).to_numpy() - np.where(wrong, 7 * 3_600_000_000, 0)
    return tables | {"events": _set(events, "occurred_at", _times(at))}


def duplicated_events(tables: Tables, rng: np.random.Generator) -> Tables:
    """A retry sends events again, with an id of its own and received later."""
    events = tables["events"]
    again = events.take(pa.array(rng.choice(events.num_rows, events.num_rows // 50, replace=False)))
    again = _set(again, "event_id", pa.array([f"R{n}" for n in range(again.num_rows)]))
    again = _set(again, "received_at", _times(again["received_at"].cast(pa.int64()).to_numpy() + 5_000_000))
    return tables | {"events": pa.concat_tables([events, again])}


def broken_letters(tables: Tables, rng: np.random.Generator) -> Tables:
    """UTF-8 read as Windows-1252."""
    customers = tables["customers"]
    broken = [text.encode().decode("cp1252", errors="replace") for text in customers["last_name"].to_pylist()]
    return tables | {"customers": _set(customers, "last_name", pa.array(broken))}


def future_dates(tables: Tables, rng: np.random.Generator) -> Tables:
    customers = tables["customers"]
    at = customers["created_at"].cast(pa.int64()).to_numpy() + np.where(rng.random(customers.num_rows) < 0.02, 1_500 * DAY_US, 0)
    return tables | {"customers": _set(customers, "created_at", _times(at))}


FAULTS: dict[Fault, tuple[str, str, str | None]] = {
    split_identities: ("split_identity", "customers", "customer_id"),
    other_addresses: ("split_identity", "customers", "customer_id"),
    case_duplicates: ("case_duplicate", "customers", "email"),
    torn_consent: ("consent_conflict", "customers", "consent_email"),
    missing_outcomes: ("outcome_silence", "events", "occurred_at"),
    outcomes_ended: ("outcome_silence", "events", "occurred_at"),
    meeting_label: ("wrong_label", "leads", "outcome"),
    stale_feed: ("stale_column", "customers", "crm_updated_at"),
    abandoned_column: ("stale_column", "customers", "segment"),
    frozen_column: ("stale_column", "events", "channel"),
    leaking_note: ("leakage", "leads", "note"),
    leaking_date: ("leakage", "leads", "invoice_sent_at"),
    mixed_currency: ("currency_mix", "events", "currency"),
    mixed_units: ("unit_mix", "events", "amount"),
    shifted_clock: ("clock", "events", "occurred_at"),
    shifted_source: ("clock", "events", "occurred_at"),
    duplicated_events: ("duplicate_event", "events", "event_id"),
    broken_letters: ("encoding", "customers", "last_name"),
    future_dates: ("future_date", "customers", "created_at"),
}
"""Each fault and the gap that must name it: kind, table, column."""
