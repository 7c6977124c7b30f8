"""Letters: a print file per run date for the printing house, one row per letter with its address block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from liftwright.channels import files
from liftwright.channels.merge import NoValue, clean, fill
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.profile import Channel

COLUMNS = (
    "send_id", "name", "street", "city", "region", "postal_code", "country", "headline", "text", "offer", "variant", "campaign_id",
)  # fmt: skip
TEXT = 2_000
_NEEDED = ("street", "city", "postal_code", "country")


class DirectMailAdapter:
    """Writes `<home>/outbox/print/YYYY-MM-DD.csv`, the day being the UTC day of the run. Idempotent by send_id over all its files."""

    channel: Channel = "direct_mail"
    is_idempotent = True
    takes_ahead = timedelta(0)

    def __init__(self, home: Path) -> None:
        self.directory = home / "outbox" / "print"

    def deliver(self, batch: Sequence[Delivery], *, now: datetime) -> list[Receipt]:
        """One receipt per delivery; an incomplete address is a failure."""
        receipts: dict[str, Receipt] = {}
        with files.locked(self.directory):
            place = {key: path.name for path in sorted(self.directory.glob("*.csv")) for key in files.keys(path)}
            today = self.directory / f"{now.astimezone(UTC).date().isoformat()}.csv"
            rows: dict[str, dict[str, str]] = {}
            for delivery in batch:
                send_id = delivery.send.send_id
                try:
                    if send_id not in place:
                        rows[send_id] = letter(delivery)
                    receipts[send_id] = Receipt(send_id, "sent", provider_id=place.get(send_id, today.name))
                except (NoValue, ValueError) as error:
                    receipts[send_id] = Receipt(send_id, "failed", reason=str(error))
            if rows:
                priorities = {delivery.send.send_id: delivery.send.priority for delivery in batch}
                files.merge(today, list(rows.values()), columns=COLUMNS, priorities=priorities)
        return [receipts[delivery.send.send_id] for delivery in batch]

    def forget(self, send_ids: Sequence[str]) -> int:
        """Take these sends out of every file; returns how many rows went."""
        return files.take_out(self.directory, set(send_ids))


def letter(delivery: Delivery) -> dict[str, str]:
    """One row of the print file. Raises ValueError naming what the address lacks, NoValue for a tag without a value."""
    contact, variant, send = delivery.contact, delivery.variant, delivery.send
    address = {name: _cell(contact, name) for name in ("street", "city", "region", "postal_code", "country")}
    absent = [name for name in _NEEDED if not address[name]]
    if absent:
        raise ValueError(f"the address has no {', '.join(absent)}")
    text = fill(variant.body, contact, channel="direct_mail")
    if len(text) > TEXT:
        raise ValueError(f"the letter is longer than {TEXT} characters")
    names = (clean(contact.get(name, ""), is_name=True) for name in ("first_name", "last_name"))
    return {
        "send_id": send.send_id,
        "name": " ".join(name for name in names if name) or "Our customer at",
        **address,
        "headline": fill(variant.subject, contact, channel="direct_mail", context="header"),
        "text": text,
        "offer": send.offer,
        "variant": variant.variant_id,
        "campaign_id": send.campaign_id,
    }


def _cell(contact: Mapping[str, str], name: str) -> str:
    """A value that a spreadsheet will not take for a formula."""
    return clean(contact.get(name, "")).lstrip("=+-@ ")
