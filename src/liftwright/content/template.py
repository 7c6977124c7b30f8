"""Approved templates: loading, filling, and reading a variant back to see what was filled in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from liftwright.domain.errors import PolicyError
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import NO_OFFER, ClaimUse, Variant

Purpose = Literal["plain", "offer"]
PLACES = ("product", "offer_line", "claim", "call_to_action", "sender_name", "sender_address", "unsubscribe_url", "shop_url")
OPTIONAL = frozenset({"claim"})
"""Places that may stay empty."""
_REQUIRED = {
    "email": {"sender_name", "sender_address", "unsubscribe_url"},
    "direct_mail": {"sender_name", "sender_address"},
    "sms": {"sender_name"},
    "voice": {"sender_name"},
}
_PLACE = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")
_TAG = re.compile(r"\{\{([^{}]*)\}\}")


@dataclass(frozen=True)
class Template:
    """One approved message. `purpose` offer needs an incentive; `tags` are the merge tags it may carry."""

    template_id: str
    channel: Channel
    purpose: Purpose
    subject: str
    body: str
    call_to_action: str
    tags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All fixed text with its places."""
        return "\n".join((self.subject, self.body, self.call_to_action))

    @property
    def places(self) -> frozenset[str]:
        """Names of all places."""
        return frozenset(_PLACE.findall(self.text))


def load(data: Mapping[str, Any]) -> tuple[Template, ...]:
    """Templates from `library.templates()`. Raises PolicyError naming the template that is wrong."""
    tags = tuple(str(tag) for tag in data.get("merge_tags", ()))
    templates: dict[str, Template] = {}
    for record in data.get("templates", ()):
        template = _template(record, tags)
        if template.template_id in templates:
            raise _bad(template.template_id, "another template has the same id")
        templates[template.template_id] = template
    return tuple(templates.values())


def fill(
    template: Template,
    values: Mapping[str, str],
    *,
    offer: str = NO_OFFER,
    claims: Sequence[ClaimUse] = (),
    made_by: str = "template",
) -> Variant:
    """The variant with every place filled; its id is derived from its content. Raises PolicyError when a place has no value."""
    values = {name: value.strip() for name, value in values.items()}
    values["call_to_action"] = _filled(template.call_to_action, values, template)
    subject, body = _filled(template.subject, values, template), _filled(template.body, values, template)
    content = "\x1f".join((template.template_id, offer, subject, body, values["call_to_action"]))
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return Variant(
        variant_id=f"{template.template_id}-{offer}-{digest}" if offer != NO_OFFER else f"{template.template_id}-{digest}",
        channel=template.channel,
        offer=offer,
        subject=subject,
        body=body,
        call_to_action=values["call_to_action"],
        template=template.template_id,
        claims=tuple(claims),
        made_by=made_by,
    )


def read(template: Template, variant: Variant, *, fixed: Mapping[str, str]) -> dict[str, str] | None:
    """What fills each place of a variant; None when its fixed text differs from the template, or a place is filled in two ways.

    `fixed` gives the places whose value is settled beforehand (offer, sender): they must read exactly so.
    """
    found: dict[str, str] = {}
    for pattern, text in (
        (template.call_to_action, variant.call_to_action),
        (template.subject, variant.subject),
        (template.body, variant.body),
    ):
        match = re.fullmatch(_pattern(pattern, {**fixed, "call_to_action": variant.call_to_action}), text)
        if match is None:
            return None
        for name, value in match.groupdict(default="").items():
            if found.setdefault(name, value) != value:
                return None
    return found


def open_places(variant: Variant, *, tags: Sequence[str]) -> list[str]:
    """Places and merge tags of a variant that nobody will fill."""
    text = "\n".join((variant.subject, variant.body, variant.call_to_action))
    unknown = [f"{{{{{tag}}}}}" for tag in _TAG.findall(text) if tag.strip() not in tags]
    bare = _TAG.sub("", text)
    return [f"{{{name}}}" for name in _PLACE.findall(bare)] + unknown + re.findall(r"\[[A-Z][A-Z _]+\]", bare)


def _filled(text: str, values: Mapping[str, str], template: Template) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values or (not values[name] and name not in OPTIONAL):
            raise _bad(template.template_id, f"nothing was given for {{{name}}}")
        return values[name]

    lines = _PLACE.sub(value, text).split("\n")
    return "\n".join(re.sub(r" {2,}", " ", line).rstrip() for line in lines)


def _pattern(text: str, fixed: Mapping[str, str]) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    position = 0
    for match in _PLACE.finditer(text):
        name, before = match.group(1), text[position : match.start()]
        group = re.escape(fixed[name].strip()) if name in fixed else f"(?P={name})" if name in seen else f"(?P<{name}>[^\\n]+?)"
        if name in OPTIONAL and before.endswith(" "):
            parts += [re.escape(before[:-1]), f"(?: {group})?"]
        else:
            parts += [re.escape(before), group]
        seen.add(name)
        position = match.end()
    return "".join([*parts, re.escape(text[position:])])


def _template(record: Any, tags: tuple[str, ...]) -> Template:
    if not isinstance(record, Mapping) or not record.get("id") or not record.get("body"):
        raise _bad(str(record), "it needs an id and a body")
    name = str(record["id"])
    extra = record.keys() - {"id", "channel", "purpose", "subject", "body", "call_to_action"}
    if extra or record.get("channel") not in CHANNELS or record.get("purpose") not in ("plain", "offer"):
        raise _bad(name, f"it needs a channel ({', '.join(CHANNELS)}), a purpose (plain or offer) and no other keys")
    template = Template(
        name,
        record["channel"],
        record["purpose"],
        record.get("subject", ""),
        record["body"],
        record.get("call_to_action", ""),
        tags,
    )
    unknown = sorted(template.places - set(PLACES)) + sorted(set(_TAG.findall(template.text)) - set(tags))
    if unknown:
        raise _bad(name, f"'{unknown[0]}' is neither a place nor a declared merge tag")
    absent = _REQUIRED.get(template.channel, set()) - template.places
    if absent or (template.purpose == "offer") != ("offer_line" in template.places):
        raise _bad(name, f"it misses {', '.join(sorted(absent)) or 'its {offer_line}, or has one without being an offer'}")
    return template


def _bad(name: str, says: str) -> PolicyError:
    return PolicyError("CONTENT-TEMPLATE", f"The template {name}: {says}.", next_step="Mend policies/content/templates.yaml.")
