"""Comparable forms of what identifies a person: e-mail addresses, telephone numbers, names, birth dates, postal addresses.

Two texts get the same form only when they surely mean the same: look-alike letters of other alphabets stay different, because whoever
can write an address that looks like yours must not become you.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ADDRESS = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,250}\.[^@\s.\x00-\x1f\x7f]{1,63}$"
_ROLES = (
    r"^(info|office|sales|admin|contact|hello|support|service|mail|team|accounts?|billing|marketing|webmaster|postmaster|reception"
    r"|no-?reply|none|noemail|no-?mail|na|n/a|test|unknown|kontakt|buero|verkauf)@"
)
_EXTENSION = r"(?i)\s*(;?\s*ext\.?=?|extension|durchwahl|x|#)\s*\.?:?\s*\d{1,8}\s*$"
_TAIL = 7
"""Digits at the end of a number that survive every way of writing it."""
_LONGEST = 200
"""Characters; a longer text is no name and no telephone number."""


def email_keys(column: Any) -> pa.Array:
    """A comparable address per row: lower case, no `+tag`; for Gmail no dots either. Null where there is no address.

    Only ASCII letters are lowered: the Kelvin sign is not a k.
    """
    text = pc.utf8_rtrim(pc.ascii_lower(pc.utf8_trim_whitespace(_texts(column))), characters=".")
    text = pc.replace_substring_regex(text, r"^([^@+]+)\+[^@]*@", r"\1@")
    text = pc.replace_substring_regex(text, r"^\+[^@]*@", "@")
    text = pc.replace_substring_regex(text, r"@(gmail|googlemail)\.com$", "@gmail.com")
    is_gmail = pc.ends_with(text, "@gmail.com")
    if pc.any(is_gmail).as_py():
        undotted = pc.binary_join_element_wise(
            pc.replace_substring(pc.replace_substring_regex(text, "@.*$", ""), ".", ""), "gmail.com", "@"
        )
        text = pc.if_else(is_gmail, undotted, text)
    return pc.if_else(pc.match_substring_regex(text, _ADDRESS), text, pa.scalar(None, pa.string()))


def is_role(keys: pa.Array) -> pa.Array:
    """Whether an e-mail key names a desk (info@, noreply@) and not a person."""
    return pc.match_substring_regex(keys, _ROLES)


def phone_key(text: str | None, *, country: str | None = None) -> str | None:
    """The number in E.164, with `;ext=` and the extension where it has one: a switchboard is not a person. None when it is no number.

    `country` (ISO 3166 alpha-2) reads national forms; without one, only numbers with + or 00 and ten digits of North America are read.
    """
    if not text or len(text) > _LONGEST:
        return None
    import phonenumbers

    plain = re.sub(r"^\s*(00|011)(?=[1-9])", "+", text) if country is None else text
    for written, region in ((plain, country or "US"), ("+" + plain, None)):
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            key = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return f"{key};ext={number.extension}" if number.extension else key
    return None


def phone_keys(column: Any, countries: Any) -> pa.Array:
    """`phone_key` per row; `countries` has one per row.

    A number whose last digits nobody else has is shared with nobody: its key is its text, unread. Plain North American numbers are
    read at once; only what is left goes through `phone_key`.
    """
    text, countries = _texts(column), _texts(countries)
    tails = phone_tails(text)
    keys = pc.if_else(pc.is_valid(tails), pc.binary_join_element_wise("?", text, ""), pa.scalar(None, pa.string()))
    american = pc.if_else(_is_repeated(tails), _american(text, countries), pa.scalar(None, pa.string()))
    keys = pc.coalesce(american, keys)
    rows = np.flatnonzero(np.asarray(pc.and_(_is_repeated(tails), pc.is_null(american))))
    written = list(zip(text.take(pa.array(rows)).to_pylist(), countries.take(pa.array(rows)).to_pylist(), strict=True))
    read = {each: phone_key(each[0], country=each[1]) for each in set(written)}
    return pc.replace_with_mask(keys, _mask(rows, len(text)), pa.array([read[each] for each in written], pa.string()))


def _is_repeated(values: pa.Array) -> pa.Array:
    encoded = values.dictionary_encode().indices
    counts = np.bincount(np.asarray(encoded.drop_null()), minlength=1)
    return pc.fill_null(pa.array(counts > 1).take(encoded), False)


def _american(text: pa.Array, countries: pa.Array) -> pa.Array:
    """+1 and ten digits for plainly written numbers of the United States and Canada; null for everything else."""
    digits = pc.replace_substring_regex(text, r"[ ().\-/]", "")
    is_home = pc.or_(pc.is_null(countries), pc.is_in(countries, value_set=pa.array(["US", "CA"])))
    is_national = pc.and_(is_home, pc.match_substring_regex(digits, r"^1?[2-9][0-9]{9}$"))
    is_plain = pc.or_(is_national, pc.match_substring_regex(digits, r"^\+1[2-9][0-9]{9}$"))
    number = pc.binary_join_element_wise("+1", pc.utf8_slice_codeunits(digits, -10), "")
    return pc.if_else(is_plain, number, pa.scalar(None, pa.string()))


def _mask(rows: Any, count: int) -> pa.Array:
    mask = np.zeros(count, dtype=bool)
    mask[rows] = True
    return pa.array(mask)


def phone_tails(column: Any) -> pa.Array:
    """The last digits of each number, extension apart: equal for every way of writing one number. Null where there are none."""
    text = _texts(column)
    digits = pc.replace_substring_regex(pc.replace_substring_regex(text, _EXTENSION, ""), r"[^0-9]", "")
    tails = pc.utf8_slice_codeunits(digits, -_TAIL)
    foreign = pc.match_substring_regex(text, r"[^\x00-\x7f]*\p{Nd}[^\x00-\x7f]|[^\x00-\x7f]\p{Nd}")
    if pc.any(pc.fill_null(foreign, False)).as_py():
        spelled = [None if each is None else _digits(each)[-_TAIL:] for each in text.to_pylist()]
        tails = pc.if_else(foreign, pa.array(spelled, pa.string()), tails)
    return pc.if_else(pc.equal(tails, ""), pa.scalar(None, pa.string()), tails)


def _digits(text: str) -> str:
    return "".join(
        str(unicodedata.digit(letter)) for letter in text if letter.isdigit() and unicodedata.digit(letter, None) is not None
    )


def name_keys(column: Any) -> pa.Array:
    """Names in small letters without accents, signs and spaces, at most 40 characters; null where nothing is left."""
    text = pc.utf8_slice_codeunits(_texts(column), 0, _LONGEST)
    text = pc.utf8_lower(pc.utf8_normalize(text, "NFKD"))
    text = pc.utf8_slice_codeunits(pc.replace_substring_regex(text, r"[^\p{L}\p{Nd}]+", ""), 0, 40)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def birth_keys(column: Any) -> pa.Array:
    """Birth dates as eight digits, YYYYMMDD; null where there is none. Takes dates, times, and texts like 1970-12-31 or 19701231."""
    flat = _flat(column)
    if pa.types.is_temporal(flat.type):
        return pc.strftime(flat.cast(pa.timestamp("s")), format="%Y%m%d")
    digits = pc.utf8_slice_codeunits(pc.replace_substring_regex(_texts(flat), r"[^0-9]", ""), 0, 8)
    whole = pc.if_else(pc.match_substring_regex(digits, r"^(1[89]|20)[0-9]{6}$"), digits, pa.scalar(None, pa.string()))
    read = pc.strftime(pc.strptime(whole, format="%Y%m%d", unit="s", error_is_null=True), format="%Y%m%d")
    return pc.if_else(pc.equal(read, whole), whole, pa.scalar(None, pa.string()))


def _texts(column: Any) -> pa.Array:
    flat = _flat(column)
    return flat if flat.type == pa.string() else flat.cast(pa.string())


def _flat(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
