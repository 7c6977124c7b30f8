"""The file drop: any other system can be the executor. One CSV file per delivery day; row order is priority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from liftwright.channels import files
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.profile import Channel

CANCELLED = ("send_id", "cancelled_at", "reason")
COLUMNS = ("send_id", "customer_id", "channel", "offer", "discount", "variant", "send_at", "campaign_id")


class FileDrop:
    """Writes `<home>/outbox/actions/YYYY-MM-DD.csv`. Idempotent: a send_id stands in one file, once, however often it is delivered.

    The day is the UTC day of `send_at`; a send that is late goes into the file of the day it is delivered, with that moment as its
    `send_at`, so that an executor that reads one file a day misses nothing.
    """

    is_idempotent = True
    takes_ahead = timedelta(days=1)

    def __init__(self, channel: Channel, home: Path) -> None:
        self.channel: Channel = channel
        self.directory = home / "outbox" / "actions"

    def deliver(self, batch: Sequence[Delivery], *, now: datetime) -> list[Receipt]:
        """One receipt per delivery; the provider id is the file's name. Raises DataError when a file there cannot be merged with."""
        if not batch:
            return []
        with files.locked(self.directory):
            place = self._written(batch, now=now)
            by_day: dict[date, list[Delivery]] = defaultdict(list)
            for delivery in batch:
                if delivery.send.send_id not in place:
                    by_day[_moment(delivery, now=now).date()].append(delivery)
            for day, part in sorted(by_day.items()):
                path = self._path(day)
                files.merge(
                    path,
                    [_row(delivery, now=now) for delivery in part],
                    columns=COLUMNS,
                    priorities={delivery.send.send_id: delivery.send.priority for delivery in part},
                )
                place |= {delivery.send.send_id: path.name for delivery in part}
        return [Receipt(d.send.send_id, "sent", provider_id=place[d.send.send_id]) for d in batch]

    def recall(self, send_ids: Sequence[str], *, reason: str, now: datetime) -> dict[str, str]:
        """Name actions of today's and later files in `<day>.cancelled.csv` beside; send id to the file that holds it.

        An action once named stays as it was named. What the executor took from the file before is out of reach.
        """
        wanted, today = set(send_ids), now.astimezone(UTC).date().isoformat()
        found: dict[str, str] = {}
        with files.locked(self.directory):
            for path in sorted(self.directory.glob("????-??-??.csv")):
                here = sorted(files.keys(path) & wanted) if path.stem >= today else []
                rows = [{"send_id": key, "cancelled_at": now.isoformat(), "reason": reason} for key in here]
                if rows:
                    files.merge(path.with_suffix(".cancelled.csv"), rows, columns=CANCELLED, priorities={})
                found |= dict.fromkeys(here, path.name)
        return found

    def forget(self, send_ids: Sequence[str]) -> int:
        """Take these sends out of every file; returns how many rows went."""
        return files.take_out(self.directory, set(send_ids))

    def _written(self, batch: Sequence[Delivery], *, now: datetime) -> dict[str, str]:
        """Which of these sends an earlier delivery, perhaps one that died before it could say so, has written, and where."""
        first = min(delivery.send.send_at.astimezone(UTC).date() for delivery in batch)
        last = max(_moment(delivery, now=now).date() for delivery in batch)
        wanted = {delivery.send.send_id for delivery in batch}
        found: dict[str, str] = {}
        for gone in range((last - first).days + 1):
            path = self._path(first + timedelta(days=gone))
            found |= dict.fromkeys(files.keys(path) & wanted, path.name)
        return found

    def _path(self, day: date) -> Path:
        return self.directory / f"{day.isoformat()}.csv"


def _moment(delivery: Delivery, *, now: datetime) -> datetime:
    """When the send is to go out: as planned, or now when that day is over."""
    planned, current = delivery.send.send_at.astimezone(UTC), now.astimezone(UTC)
    return planned if planned.date() >= current.date() else current


def _row(delivery: Delivery, *, now: datetime) -> dict[str, str]:
    send = delivery.send
    return {
        "send_id": send.send_id,
        "customer_id": send.customer_id,
        "channel": send.channel,
        "offer": send.offer,
        "discount": f"{send.discount:g}",
        "variant": send.variant_id,
        "send_at": _moment(delivery, now=now).isoformat(),
        "campaign_id": send.campaign_id,
    }
