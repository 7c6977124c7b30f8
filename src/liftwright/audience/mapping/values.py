"""SQL expressions that turn a text column into a typed one. An expression is NULL where the text cannot be read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping.columns import Kind
from liftwright.audience.mapping.contents import EMPTY
from liftwright.audience.mapping.countries import COUNTRIES
from liftwright.domain.profile import CHANNELS

_YES = "'1','true','yes','y','t','1.0','granted','grant','opt_in','opted_in','opt-in','opted-in','subscribed','in','given','accepted'"
_NO = "'0','false','no','n','f','0.0','denied','deny','opt_out','opted_out','opt-out','opted-out','unsubscribed','out','withdrawn','revoked','refused'"
_MONTHS = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%y")
EVENT_TYPES = {
    "order": "purchase", "orders": "purchase", "purchased": "purchase", "transaction": "purchase", "sale": "purchase", "checkout": "purchase",
    "order_completed": "purchase", "buy": "purchase", "open": "email_open", "opened": "email_open", "email_opened": "email_open",
    "clicked": "click", "email_click": "click", "email_clicked": "click", "link_click": "click", "sms_click": "click", "push_click": "click",
    "pageview": "page_view", "page_viewed": "page_view", "session": "visit", "site_visit": "visit", "visited": "visit",
    "unsubscribe": "opt_out", "unsubscribed": "opt_out", "optout": "opt_out", "opted_out": "opt_out", "stop": "opt_out",
    "spam": "complaint", "spam_complaint": "complaint", "complained": "complaint", "refund": "return", "returned": "return",
    "sent": "delivered", "delivery": "delivered", "email_delivered": "delivered", "support_ticket": "support", "ticket": "support",
}  # fmt: skip
CHANNEL_WORDS = {
    "e_mail": "email", "mail": "email", "newsletter": "email", "text": "sms", "text_message": "sms", "push_notification": "push",
    "app": "push", "post": "direct_mail", "letter": "direct_mail", "postal": "direct_mail", "catalog": "direct_mail", "phone": "voice",
    "call": "voice", "telephone": "voice", "social": "paid_social", "facebook": "paid_social", "instagram": "paid_social",
    "banner": "display", "programmatic": "display", "site": "web", "onsite": "web", "website": "web",
}  # fmt: skip


def quoted(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def cells(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """These columns with every cell trimmed, and NULL where it is empty or says so. In SQL that takes quadratic time in the number of columns."""
    words, empty = pa.array(sorted(EMPTY), pa.string()), pa.scalar(None, pa.string())
    for name in columns:
        trimmed = pc.utf8_trim(table[name], characters=" ")
        kept = pc.if_else(pc.is_in(trimmed, value_set=words), empty, trimmed)
        table = table.set_column(table.column_names.index(name), name, kept)
    return table


def clean(column: str) -> str:
    """The cell of the table `cells`: trimmed, NULL when empty."""
    return quoted(column)


def _case(text: str, words: dict[str, str], *, otherwise: str) -> str:
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(meaning)}" for word, meaning in words.items())
    return f"(CASE {text} {cases} ELSE {otherwise} END)"


def time(column: str, *, day_first: bool) -> str:
    """Microseconds since 1970 (UTC) as BIGINT. A text without an offset is read as UTC; years outside 1900-2199 are not times."""
    text = clean(column)
    order = ("%d/%m/%Y", "%d/%m/%y") if day_first else ("%m/%d/%Y", "%m/%d/%y")
    dates = (*order, "%Y/%m/%d", *_MONTHS)
    formats = ", ".join(f"'{date}{clock}'" for date in dates for clock in ("", " %H:%M:%S", " %H:%M", " %I:%M %p"))
    slashed = f"regexp_replace({text}, '^(\\d{{1,2}})[.\\-/](\\d{{1,2}})[.\\-/](\\d{{2,4}})', '\\1/\\2/\\3')"
    micros = (
        f"CASE WHEN regexp_full_match({text}, '(19|20)\\d{{6}}') THEN epoch_us(try_strptime({text}, '%Y%m%d'))"
        f" WHEN regexp_full_match({text}, '1\\d{{9}}') THEN try_cast({text} AS BIGINT) * 1000000"
        f" WHEN regexp_full_match({text}, '1\\d{{12}}') THEN try_cast({text} AS BIGINT) * 1000"
        f" WHEN regexp_matches({text}, '^\\d{{4}}-\\d') THEN epoch_us(try_cast({text} AS TIMESTAMPTZ))"
        f" ELSE epoch_us(try_strptime({slashed}, [{formats}])) END"
    )
    return f"(CASE WHEN ({micros}) BETWEEN -2208988800000000 AND 7258118399999999 THEN ({micros}) END)"


def number(column: str) -> str:
    """A finite DOUBLE: currency signs and codes, thousands marks, a decimal comma and bracketed negatives are understood."""
    bare = f"regexp_replace(regexp_replace({clean(column)}, '[\\s$€£¥'']', '', 'g'), '^([-+(]?)[A-Z]{{3}}|[A-Z]{{3}}(\\)?)$', '\\1\\2')"
    text = f"regexp_replace({bare}, '^\\((.*)\\)$', '-\\1')"
    point = (
        f"CASE WHEN regexp_full_match({text}, '[-+]?\\d{{1,3}}(,\\d{{3}})+(\\.\\d+)?') THEN replace({text}, ',', '')"
        f" WHEN regexp_full_match({text}, '[-+]?(\\d{{1,3}}(\\.\\d{{3}})+|\\d+),\\d+') THEN replace(replace({text}, '.', ''), ',', '.')"
        f" WHEN regexp_full_match({text}, '[-+]?\\d{{1,3}}(\\.\\d{{3}}){{2,}}') THEN replace({text}, '.', '')"
        f" WHEN regexp_full_match({text}, '[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?') THEN {text} END"
    )
    value = f"try_cast(({point}) AS DOUBLE)"
    return f"(CASE WHEN isfinite({value}) AND abs({value}) < 1e15 THEN {value} END)"


def word(column: str) -> str:
    """Lower-case words joined by underscores."""
    return f"nullif(trim(regexp_replace(lower({clean(column)}), '[^\\p{{L}}\\p{{N}}]+', '_', 'g'), '_'), '')"


def country(column: str) -> str:
    """ISO 3166 alpha-2 where the name or code is known, else the text in upper case."""
    return _case(f"upper({clean(column)})", COUNTRIES, otherwise=f"upper({clean(column)})")


def phone(column: str) -> str:
    """Digits with a leading + kept; 00 in front becomes +."""
    return f"nullif(regexp_replace(regexp_replace({clean(column)}, '[^\\d+]', '', 'g'), '^00', '+'), '')"


def flag(column: str) -> str:
    """BOOLEAN from 1/0, yes/no, true/false."""
    text = f"lower({clean(column)})"
    return f"(CASE WHEN {text} IN ({_YES}) THEN true WHEN {text} IN ({_NO}) THEN false END)"


def expression(canonical: str, kind: Kind, column: str, *, day_first: bool) -> str:
    """The SQL for a canonical column read from a column of the file."""
    yes = flag(column)
    simple = {
        "id": clean(column),
        "text": clean(column),
        "email": clean(column),
        "currency": f"upper({clean(column)})",
        "consent": f"(CASE {yes} WHEN true THEN 'granted' WHEN false THEN 'denied' END)",
        "refusal": f"(CASE {yes} WHEN true THEN 'denied' END)",
    }
    if kind in simple:
        return simple[kind]
    if canonical == "type":
        return _case(word(column), EVENT_TYPES, otherwise=word(column))
    if canonical == "channel":
        return _case(word(column), CHANNEL_WORDS | {c: c for c in CHANNELS}, otherwise=word(column))
    if canonical == "outcome":
        return f"(CASE {yes} WHEN true THEN 'won' WHEN false THEN 'lost' ELSE {word(column)} END)"
    if kind in ("time", "date"):
        return time(column, day_first=day_first)
    return {"word": word, "country": country, "phone": phone, "flag": flag}.get(kind, number)(column)
