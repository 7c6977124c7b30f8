"""The market: a shop's customers as an outside system would meet them. Files out, actions in, events out; the truth on request."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from liftwright.domain.errors import DataError
from liftwright.domain.profile import CHANNELS
from liftwright.settings.sender import SenderSettings
from liftwright.world import catalogue, people, reaction, truth
from liftwright.world.draws import uniform
from liftwright.world.events import DAY_US, EventLog
from liftwright.world.history import past, treatments_table
from liftwright.world.life import HOUR_US, NO_SENDS, Sends, live
from liftwright.world.parameters import DEFAULT, Parameters
from liftwright.world.reaction import State, Touches

_NEEDED = ("customer_id", "channel", "send_at")


class Market:
    """`customers` people who live a year before `starts_on` and then one day per `step`.

    The same arguments give the same people, the same history and, day by day, the same luck whatever is sent.
    """

    def __init__(self, *, customers: int = 20_000, seed: int = 7, starts_on: date, parameters: Parameters = DEFAULT) -> None:
        if customers < 1:
            raise DataError(
                "WORLD-EMPTY", f"A market of {customers} customers cannot be simulated.", next_step="Ask for at least 1."
            )
        self.parameters = parameters
        self.seed = seed
        self.starts_on = starts_on
        self.people = people.draw(count=customers, seed=seed, starts_on=starts_on, parameters=parameters)
        self._state = reaction.fresh(self.people, parameters)
        self._consent = self.people.consent.copy()
        self._log = EventLog(channels=tuple(parameters.channels))
        self._today = people.day_number(starts_on)
        waves = past(
            self.people, self._state, today=self._today, consent=self._consent, seed=seed, parameters=parameters, log=self._log
        )
        self.treatments: pa.Table = treatments_table(waves, self.people, parameters=parameters)
        self.events: pa.Table = self._log.drain(self.people.ids)
        self._origin = (self._today, self._state.copy(), self._consent.copy())
        self._sends: dict[int, list[Sends]] = {}
        self._sent: set[str] = set()

    @property
    def today(self) -> date:
        """The next day to be lived."""
        return date(1970, 1, 1) + timedelta(days=self._today)

    def customers(self) -> pa.Table:
        """What the shop knows of everybody today; opt-outs have become denied consent."""
        return people.customers_table(self.people, parameters=self.parameters, consent=self._consent, today=self._today)

    def files(self, directory: Path) -> dict[str, Path]:
        """Write everything `import` reads; returns the file of each table (the key is the `--as` name)."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = {"customers": directory / "customers.csv", "events": directory / "events.parquet"}
        pa_csv.write_csv(self.customers(), paths["customers"])
        pa_parquet.write_table(self.events, paths["events"])
        tables = {
            "treatments": self.treatments,
            "products": catalogue.products(margin_rate=self.parameters.margin_rate, customers=self.people.count),
            "prices": catalogue.prices(starts_on=self.starts_on),
            "evidence": catalogue.evidence(starts_on=self.starts_on),
        }
        for name, table in tables.items():
            paths[name] = directory / f"{name}.csv"
            pa_csv.write_csv(table, paths[name])
        paths["documents"] = directory / "brand.md"
        paths["documents"].write_text(catalogue.BRAND, encoding="utf-8")
        return paths

    def settings(self) -> dict[str, Any]:
        """The values of liftwright.toml that fit this market; channels it does not have get no capacity."""
        p, n = self.parameters, self.people.count
        channels: dict[str, dict[str, Any]] = {name: {"capacity_per_day": 0} for name in CHANNELS}
        for name, traits in p.channels.items():
            channels[name] = {"unit_cost": traits.unit_cost, "capacity_per_day": self.capacity(traits.capacity_share)}
            channels[name] |= {key: asked for key in ("lead_days", "least_run") if (asked := getattr(traits, key))}
        return {
            "currency": self._log.currency,
            "sender": SenderSettings(simulated=True, registrations={"US-TX": "simulated"}).model_dump(mode="json"),
            "country": "US",
            "time_zone": "America/New_York",
            "margin": {"rate": p.margin_rate, "floor": p.margin_floor},
            "channels": channels,
            "offers": {name: {"discount": discount, "stock": int(n * stock)} for name, discount, stock in p.offers},
            "limits": {"max_discount": max(discount for _, discount, _ in p.offers), "contacts_per_week": p.contacts_per_week},
        }

    def capacity(self, share: float) -> int:
        """A share of all customers as a number of messages."""
        return max(1, int(self.people.count * share))

    def act(self, day: date, actions: pa.Table) -> int:
        """Take in the actions to be sent on `day` (columns of the action file); returns how many are new. They work when the day is lived.

        Raises DataError for a day that is over, a column that is missing, a person who does not exist.
        """
        number = people.day_number(day)
        if number < self._today:
            raise DataError(
                "WORLD-PAST", f"{day} is over in this market; today is {self.today}.", next_step="Send actions for a day to come."
            )
        if actions.num_rows == 0:
            return 0
        by_day = self.sends_of(actions)
        if set(by_day) != {number}:
            raise DataError("WORLD-DAY", f"Some actions are not for {day}.", next_step="Send each day's actions for that day.")
        sends = by_day[number]
        fresh = np.array([not name or name not in self._sent for name in sends.ids], dtype=bool)
        self._sent.update(name for name in sends.ids if name)
        self._sends.setdefault(number, []).append(Sends(sends.touches.take(fresh), sends.ids[fresh], sends.at[fresh]))
        return int(fresh.sum())

    def step(self, day: date) -> pa.Table:
        """Live every day up to and including `day`; returns the events that happened, by time."""
        for number in range(self._today, people.day_number(day) + 1):
            sends = _joined(self._sends.get(number, []))
            person, channel = live(
                self._state, self.people, number, sends, seed=self.seed, parameters=self.parameters, log=self._log
            )
            self._consent[person, channel] = "denied"
            self._today = number + 1
        happened = self._log.drain(self.people.ids)
        self.events = pa.concat_tables([self.events, happened])
        return happened

    def worth(self, actions: pa.Table, *, starts_on: date, ends_on: date, tail_days: int | None = None) -> truth.Worth:
        """The truth about these actions; see `truth.worth`."""
        return truth.worth(self, actions, starts_on=starts_on, ends_on=ends_on, tail_days=tail_days)

    def state_on(self, day: date) -> State:
        """Where everybody stood on the morning of `day`: the real sends so far, lived again."""
        return self._replay(day)[0]

    def consent_on(self, day: date) -> np.ndarray:
        """Consent of everybody on the morning of `day`, shape (people, channels)."""
        return self._replay(day)[1]

    def _replay(self, day: date) -> tuple[State, np.ndarray]:
        first, state, consent = self._origin[0], self._origin[1].copy(), self._origin[2].copy()
        number = people.day_number(day)
        if not first <= number <= self._today:
            raise DataError(
                "WORLD-DAY", f"This market has not lived from {self.starts_on} to {day}.", next_step="Step it there first."
            )
        for past_day in range(first, number):
            touches = _joined(self._sends.get(past_day, [])).touches
            if len(touches.person):
                luck = uniform(self.seed, "opt_out", past_day, self.people.count)
                _, left = reaction.touch(state, self.people, touches, self.parameters, chances=luck)
                consent[touches.person[left > 0], touches.channel[left > 0]] = "denied"
            reaction.overnight(state, self.parameters)
        return state, consent

    def sends_of(self, actions: pa.Table) -> dict[int, Sends]:
        """Actions by UTC day as touches; channels the market does not have drop out."""
        missing = [name for name in _NEEDED if name not in actions.column_names]
        if missing:
            raise DataError(
                "WORLD-COLUMN", f"The actions lack {', '.join(missing)}.", next_step="Use the columns of the action file."
            )
        channels = tuple(self.parameters.channels)
        person = pc.index_in(actions["customer_id"].cast(pa.string()), value_set=pa.array(self.people.ids))
        if person.null_count:
            raise DataError(
                "WORLD-PERSON",
                f"{person.null_count} actions name a person who is not here.",
                next_step="Use ids from customers.csv.",
            )
        channel = _numbers(pc.fill_null(pc.index_in(actions["channel"].cast(pa.string()), value_set=pa.array(channels)), -1))
        at = _numbers(_as_times(actions["send_at"]).cast(pa.int64()))
        discount = (
            _numbers(pc.fill_null(actions["discount"].cast(pa.float64()), 0.0))
            if "discount" in actions.column_names
            else np.zeros(len(at))
        )
        ids = (
            np.array(actions["send_id"].to_pylist(), dtype=object)
            if "send_id" in actions.column_names
            else np.full(len(at), "", dtype=object)
        )
        who, result = _numbers(person).astype(np.int64), {}
        for number in np.unique(at // DAY_US):
            rows = np.flatnonzero((at // DAY_US == number) & (channel >= 0))
            local = np.mod(at[rows] % DAY_US / HOUR_US + self.people.offset_hours(int(number))[who[rows]], 24.0)
            touches = Touches(who[rows], channel[rows].astype(np.int64), discount[rows], local)
            result[int(number)] = Sends(touches, ids[rows], at[rows])
        return result


def write_events(events: pa.Table, directory: Path, *, day: date) -> Path:
    """One day's events as a file `import --as events` reads."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"events-{day.isoformat()}.parquet"
    pa_parquet.write_table(events, path)
    return path


def _numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    array: np.ndarray = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return array


def _as_times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as UTC timestamps; text is read as ISO 8601 with an offset."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        moments = [datetime.fromisoformat(text).astimezone(ZoneInfo("UTC")) for text in column.to_pylist()]
        return pa.chunked_array([pa.array(moments, type=pa.timestamp("us", tz="UTC"))])
    return column.cast(pa.timestamp("us", tz="UTC"))


def _joined(parts: list[Sends]) -> Sends:
    if not parts:
        return NO_SENDS
    touches = Touches(
        *(np.concatenate([getattr(s.touches, name) for s in parts]) for name in ("person", "channel", "discount", "hour"))
    )
    return Sends(touches, np.concatenate([s.ids for s in parts]), np.concatenate([s.at for s in parts]))
