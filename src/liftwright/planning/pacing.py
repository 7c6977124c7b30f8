"""The days of a wave's touches: what a channel can carry decides, the best touches go first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from liftwright.domain.errors import DataError
from liftwright.planning.waves import Wave


def spread(rows: pa.Table, *, waves: Sequence[Wave], capacity_per_day: Mapping[str, int | None]) -> pa.Table:
    """The same rows with `send_on` moved within their wave so that no channel exceeds its capacity on any day.

    Rows of higher priority go first (column `priority`, 1 = highest). Raises DataError when a wave holds more than its days can carry.
    """
    by_index = {wave.index: wave for wave in waves}
    order = np.argsort(rows["priority"].to_numpy(), kind="stable")
    channels, numbers = rows["channel"].to_pylist(), rows["wave"].to_pylist()
    sent: dict[tuple[str, int], int] = defaultdict(int)
    days: list[date] = [date.min] * rows.num_rows
    for position in order.tolist():
        channel, wave = channels[position], by_index[numbers[position]]
        most = capacity_per_day.get(channel)
        offset = sent[channel, wave.index] // most if most else 0
        if most == 0 or offset >= wave.days:
            raise DataError(
                "PLAN-CAPACITY",
                f"wave {wave.index} holds more {channel} touches than its {wave.days} days can carry at {most} a day.",
                next_step="Solve again with the channel's capacity per wave as a limit.",
            )
        sent[channel, wave.index] += 1
        days[position] = wave.send_on + timedelta(days=offset)
    return rows.set_column(rows.schema.get_field_index("send_on"), "send_on", pa.array(days, pa.date32()))
