"""What came of each send so far: every order and click belongs to the last contact of its person before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_DAY = 86_400e6
_MOMENT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Came:
    """Per send: ages (days since it left, at most the window), counted (days until the window, the person's next contact or now, whichever
    is first), clicks. Per order: the place of its send, days after it, and its margin (major units). Returns take margin off their send.
    """

    ages: Floats
    counted: Floats
    clicks: Floats
    returned: Floats
    order_send: Ints
    order_delay: Floats
    order_margin: Floats

    def margin(self) -> Floats:
        """Margin per send, returns taken off."""
        return np.asarray(np.bincount(self.order_send, weights=self.order_margin, minlength=len(self.ages)) - self.returned)


def came(sends: pa.Table, events: pa.Table | None, *, now_us: int, window_days: int, margin_rate: float) -> Came:
    """Attribute events up to `now_us` (microseconds UTC) to sends.

    sends: customer_id and at (UTC) of what was delivered, in any order. events: customer_id, type, occurred_at, and amount, margin and
    send_id where known; an event that names a send in `send_id` belongs to it, if `sends` has that column too. A purchase without a
    margin earns amount x margin_rate.
    """
    at = sends["at"].cast(_MOMENT).cast(pa.int64()).to_numpy()
    people = sends["customer_id"].combine_chunks().dictionary_encode()
    codes = people.indices.to_numpy().astype(np.int64)
    order = np.lexsort((at, codes))
    until = _until(codes, at, order, now_us=now_us, window_days=window_days)
    empty = np.zeros(sends.num_rows)
    ages, counted = np.clip((now_us - at) / _DAY, 0.0, window_days), np.maximum((until - at) / _DAY, 0.0)
    none = np.zeros(0, dtype=np.int64)
    if events is None or not events.num_rows or not sends.num_rows:
        return Came(ages, counted, empty, empty, none, np.zeros(0), np.zeros(0))
    counts = events.filter(pc.is_in(events["type"], value_set=pa.array(["purchase", "return", "click"])))
    mine = counts.filter(pc.is_in(counts["customer_id"], value_set=people.dictionary))
    when = mine["occurred_at"].cast(_MOMENT).cast(pa.int64()).to_numpy()
    whose = pc.index_in(mine["customer_id"], value_set=people.dictionary).to_numpy().astype(np.int64)
    place = _last_before(codes, at, order, whose, when)
    place = _named(sends, mine, place)
    kept = (place >= 0) & (when <= now_us)
    kept &= when - at[np.maximum(place, 0)] < window_days * _DAY
    place, when, mine = place[kept], when[kept], mine.filter(pa.array(kept))
    kind = np.asarray(mine["type"].to_pylist(), dtype=object)
    margin = _margin(mine, margin_rate=margin_rate)
    bought = kind == "purchase"
    return Came(
        ages=ages,
        counted=counted,
        clicks=np.bincount(place[kind == "click"], minlength=sends.num_rows).astype(np.float64),
        returned=np.bincount(place[kind == "return"], weights=np.abs(margin[kind == "return"]), minlength=sends.num_rows).astype(
            np.float64
        ),
        order_send=place[bought],
        order_delay=(when[bought] - at[place[bought]]) / _DAY,
        order_margin=margin[bought],
    )


def _until(codes: Ints, at: Ints, order: Ints, *, now_us: int, window_days: int) -> Ints:
    """The moment until which events count for each send."""
    until = np.minimum(at + int(window_days * _DAY), now_us)
    before, after = order[:-1], order[1:]
    same = codes[before] == codes[after]
    until[before[same]] = np.minimum(until[before[same]], at[after[same]])
    return until


def _last_before(codes: Ints, at: Ints, order: Ints, whose: Ints, when: Ints) -> Ints:
    """The place of each person's last send at or before a moment; -1 where there is none."""
    stamps = np.concatenate([at[order], when])
    people = np.concatenate([codes[order], whose])
    is_event = np.concatenate([np.zeros(len(order), dtype=np.int64), np.ones(len(when), dtype=np.int64)])
    ranked = np.lexsort((is_event, stamps, people))
    place = np.concatenate([order, np.full(len(when), -1)])[ranked]
    last = np.maximum.accumulate(np.where(place >= 0, np.arange(len(place)), -1))
    found = np.where(last >= 0, place[np.maximum(last, 0)], -1)
    found = np.where((found >= 0) & (codes[np.maximum(found, 0)] == people[ranked]), found, -1)
    answer = np.empty(len(place), dtype=np.int64)
    answer[ranked] = found
    return answer[len(order) :]


def _named(sends: pa.Table, events: pa.Table, place: Ints) -> Ints:
    """Events that name one of these sends belong to it."""
    if "send_id" not in events.column_names or "send_id" not in sends.column_names:
        return place
    named = pc.index_in(events["send_id"].cast(pa.string()), value_set=sends["send_id"].combine_chunks())
    found = pc.fill_null(named, -1).cast(pa.int64()).to_numpy()
    return np.where(found >= 0, found, place)


def _margin(events: pa.Table, *, margin_rate: float) -> Floats:
    def column(name: str) -> Floats:
        if name not in events.column_names:
            return np.full(events.num_rows, np.nan)
        return np.asarray(events[name].cast(pa.float64()).to_numpy(), dtype=np.float64)

    margin = column("margin")
    return np.where(np.isnan(margin), np.nan_to_num(column("amount")) * margin_rate, margin)
