"""A growing list of what happened, kept as arrays, shown as the events table `import` reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from liftwright.world.catalogue import product_ids

TYPES = ("purchase", "visit", "email_open", "click", "delivered", "opt_out", "complaint", "support")
DAY_US = 86_400_000_000
"""Microseconds of a day."""


@dataclass(frozen=True)
class Chunk:
    """Events of one type and day. `channel` and `product` are numbers or -1; `send` the send_id or ""."""

    type: int
    person: np.ndarray
    at: np.ndarray
    channel: np.ndarray
    amount: np.ndarray
    margin: np.ndarray
    product: np.ndarray
    send: np.ndarray


@dataclass
class EventLog:
    """Chunks in the order they happened; `count` numbers the event ids."""

    channels: tuple[str, ...]
    currency: str = "USD"
    count: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    def add(
        self,
        kind: str,
        person: np.ndarray,
        at: np.ndarray,
        *,
        channel: np.ndarray | None = None,
        amount: np.ndarray | None = None,
        margin: np.ndarray | None = None,
        product: np.ndarray | None = None,
        send: np.ndarray | None = None,
    ) -> None:
        """Note events of one type: who (numbers), when (microseconds since 1970), and what is known of them."""
        n = len(person)
        if n == 0:
            return
        self.chunks.append(
            Chunk(
                type=TYPES.index(kind),
                person=person,
                at=at.astype(np.int64),
                channel=np.full(n, -1) if channel is None else channel,
                amount=np.full(n, np.nan) if amount is None else amount,
                margin=np.full(n, np.nan) if margin is None else margin,
                product=np.full(n, -1) if product is None else product,
                send=np.full(n, "", dtype=object) if send is None else send,
            )
        )

    def drain(self, ids: np.ndarray) -> pa.Table:
        """The events noted since the last call, by time, as a table; `ids` are the customer ids."""
        chunks, self.chunks = self.chunks, []
        table = self._table(chunks, ids, first=self.count)
        self.count += table.num_rows
        return table

    def _table(self, chunks: list[Chunk], ids: np.ndarray, *, first: int) -> pa.Table:
        def joined(name: str, kind: type) -> np.ndarray:
            return np.concatenate([getattr(c, name) for c in chunks]) if chunks else np.zeros(0, dtype=kind)

        at, person = joined("at", np.int64), joined("person", np.int64)
        types = np.concatenate([np.full(len(c.person), c.type) for c in chunks]) if chunks else np.zeros(0, dtype=np.int64)
        order = np.lexsort((person, types, at))
        amount, margin, send = joined("amount", float)[order], joined("margin", float)[order], joined("send", object)[order]
        return pa.table(
            {
                "event_id": pa.array([f"W{number:09d}" for number in range(first, first + len(order))], type=pa.string()),
                "customer_id": pa.array(ids).take(pa.array(person[order], type=pa.int64())),
                "type": _named(TYPES, types[order]),
                "occurred_at": pa.array(at[order], type=pa.int64()).cast(pa.timestamp("us", tz="UTC")),
                "channel": _named(self.channels, joined("channel", np.int64)[order]),
                "amount": pa.array(np.round(amount, 2), mask=np.isnan(amount)),
                "margin": pa.array(np.round(margin, 2), mask=np.isnan(margin)),
                "currency": pa.array([self.currency] * len(order), mask=np.isnan(amount), type=pa.string()),
                "product_id": _named(tuple(product_ids()), joined("product", np.int64)[order]),
                "send_id": pa.array(send, mask=send == "", type=pa.string()),
            }
        )


def _named(names: tuple[str, ...], numbers: np.ndarray) -> pa.Array:
    numbers = numbers.astype(np.int64)
    return pa.array(names, type=pa.string()).take(pa.array(numbers, mask=numbers < 0, type=pa.int64()))
