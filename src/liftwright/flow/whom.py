"""Whom somebody means: a person by any id they ever had, by their e-mail address, or by its SHA-256; and whose id comes near."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.flow.fresh import Fresh, newest
from liftwright.ports import Deps

MOST = 3
"""Ids that are named where nobody has the one that was given."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def meant(text: str, *, deps: Deps) -> str:
    """The customer_id of the only person with this e-mail address, or with an address of this SHA-256 (of its lower-case letters);
    any other text as it is, without the space around it."""
    text = text.strip()
    found = _by_address(text, newest(deps)) if _is_address(text) else []
    return found[0] if len(found) == 1 else text


def near(text: str, *, deps: Deps) -> list[str]:
    """Up to MOST ids of people who may be meant: of the same address, of an id that differs in case or zeros, else next in the alphabet."""
    fresh = newest(deps)
    ids = fresh.people["customer_id"].cast(pa.string())
    same = ids.filter(pc.equal(_bare(ids), _bare(pa.array([text.strip()], pa.string()))[0])).to_pylist()
    found = [*_by_address(text, fresh), *same]
    if not found:
        ordered = sorted(fresh.ids)
        place = bisect_left(ordered, text.strip())
        found = ordered[max(place - 1, 0) : place + MOST - 1]
    return list(dict.fromkeys(found))[:MOST]


def _is_address(text: str) -> bool:
    return "@" in text or _DIGEST.fullmatch(text.lower()) is not None


def _by_address(text: str, fresh: Fresh) -> list[str]:
    """The people with this address, or an address with this digest."""
    wanted = text.strip().lower()
    if "email" not in fresh.people.column_names or not _is_address(wanted):
        return []
    addresses = pc.utf8_lower(pc.utf8_trim_whitespace(fresh.people["email"].cast(pa.string())))
    if "@" in wanted:
        rows = pc.indices_nonzero(pc.fill_null(pc.equal(addresses, wanted), False)).to_pylist()
    else:
        known = addresses.to_pylist()
        rows = [row for row, address in enumerate(known) if address and hashlib.sha256(address.encode()).hexdigest() == wanted]
    return [fresh.ids[row] for row in rows]


def _bare(ids: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Ids in lower case without leading zeros of their numbers."""
    return pc.replace_substring_regex(pc.utf8_lower(ids), pattern=r"0*(\d+)", replacement=r"\1")
