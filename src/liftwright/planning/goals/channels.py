"""Listens for channels: which alone to use, which not to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import Match

from liftwright.domain.profile import Channel
from liftwright.planning.goals.text import Said, Turn

_NAMES: tuple[tuple[Channel, str], ...] = (
    (
        "direct_mail",
        r"direct[ -]mail(?:ings?|ers?)?|post ?cards?|(?:by |via |printed )letters?|letters|flyers?|leaflets?|catalog(?:ue)?s?(?= mailings?| only)|print mailings?|snail mail|postal mail(?:ings?)?|by post|via post|mailers?",
    ),
    ("email", r"e-? ?mail(?:s|ings?)?(?: campaigns?| marketing| blasts?)?|newsletters?|mailings?|edms?|mails?"),
    ("sms", r"sms(?:es)?|text messages?|text messaging|texts|texting|text"),
    (
        "voice",
        r"phone calls?|cold calls?|calls|calling|call|phone|telephone|telemarketing|tele-?sales|call cent(?:er|re)s?|voice(?: calls?)?|ring",
    ),
    (
        "paid_social",
        r"paid[ -]social(?: ads| media)?|social (?:media )?ads?|paid social media|social media|(?:facebook|instagram|meta|tiktok|linkedin|insta|fb|snapchat|pinterest|twitter)(?: ads?| campaigns?| advertising)?|social",
    ),
    ("display", r"display(?: ads?| advertising| banners?)?|banner ads?|banners?|programmatic(?: ads?)?|google ads"),
    ("push", r"(?:app |mobile |web )?push(?: notifications?| messages?)|app push|in-app(?: messages?)?|push|notifications"),
    (
        "web",
        r"(?:the )?web ?sites?(?: banners?)?|on-? ?site(?: messages?| banners?)?|web banners?|web(?: personali[sz]ation)?|pop-?ups?",
    ),
)
_ANY = "|".join(f"(?P<{channel}>{pattern})" for channel, pattern in _NAMES)
_MENTION = re.compile(rf"(?<![\w@.'-])(?:{_ANY})(?![\w'@-]|\.\w)")
_WEAK = {
    "push",
    "web",
    "social",
    "display",
    "call",
    "text",
    "phone",
    "ring",
    "mail",
    "mails",
    "notifications",
    "website",
    "the website",
    "site",
    "texts",
    "calls",
    "letters",
    "banners",
    "banner",
}
_LINK = re.compile(
    r"[\s,/&+]*(?:and|or|plus|and/or|nor|as well as|,)?\s*(?:(?:also|by|via|with|no|not|through|some|a|the|any|on|our) ){0,6}"
)
_MEANS = re.compile(
    r"\b(?:via|using|use|through|by|with|over|only|just|channels?(?: are| is)?:?|on|send(?:ing)?|in|a|an|our|the|no|not|without|never|any) $"
)
_NEGATIVE = re.compile(
    r"\b(?:no|not|without|never|skip|avoid|excluding|exclude|except(?: for)?|but not|instead of|rather than|stop|drop|neither|zero|don|ban|minus|forget|nor|everything but|anything but|leave out|other than)"
    r"(?: (?:use|do|send|want|wants|need|any|via|by|a|an|the|our|more|using|sending|through|to|with|even|by any|please|contact (?:them|people|anyone) (?:by|via)|like|be|run|go|for|make|spent|used|on|spend|spending|anything|money|it)){0,6}[ :]*$"
)
_VERB_NOT = re.compile(r"\b(?:do|please|can|should|must|may|will) not (?:ever )?$|\bnever $|\bwithout $")
_WHOM = re.compile(
    r" (?:our |the |any |all )?(?:anyone|anybody|people|them|customers?|everyone|everybody|folks|us|nobody)?(?= ?[.,;:!?)|]| ?$| please| and | or | at all)"
)
_SOFT = re.compile(
    r"\b(?:mostly|mainly|primarily|preferably|ideally|prefer|maybe|perhaps|e\.?g\.?|for example|such as|like|including|incl\.?|especially|even|possibly|also possible)[ :,]*$"
)
_SOFT_AFTER = re.compile(
    r" (?:is|are|would be) (?:also )?(?:fine|ok|okay|possible|preferred|best|an option|good) ?(?:too|as well|also)?| preferred| first\b| ideally| mostly| if possible| if needed"
)
_ALLOWED_TOO = re.compile(r" (?:is|are) (?:also )?(?:fine|ok|okay|possible|an option|good)\b")
_A_NUMBER_OF = re.compile(r"(?<![\w.,%€£$])\d[\d.,]* $")
_NOT_A_MEANS = re.compile(
    r"(?:'s)?[ -](?:opens?|open rates?|subscribers?|subscriptions?|sign-?ups?|opt-?ins?|lists?|click(?:s| rates?)?|unsubscribe\w*|opt-?outs?|addresses|address|shop|store|visits?|visitors?|traffic|sessions?|site"
    r"|followers?|likes|cards?|cases?|cabinets?|numbers?|books?|calls? with|up\b)"
)
_ADDED = re.compile(r"\b(?:also|add|additionally|plus) (?:use |by |via |with |through )?$")
_ADDED_AFTER = re.compile(r" ?(?:too|as well|on top)\b")
_MEDIUM = r"tv|television|radio|billboards?|print|cinema|influencers?|podcasts?|search|google|newspapers?|magazines?"
_OTHER_MEDIA = re.compile(
    rf"\b(?:via|using|through|on|with|by|use|run(?:ning)?|and|,|in) (?:the )?(?P<medium>{_MEDIUM})(?= (?:ads?|adverts?|spots?|advertising|commercials?|campaigns?)\b|\s*(?:[.,;!?)]|$)| and\b)(?: (?:ads?|adverts?|spots?|advertising|commercials?|campaigns?))?"
)
_NO_OTHER_MEDIUM = re.compile(rf"\b(?:no|not|without|never|nor) (?:{_MEDIUM})\b")
_WHAT_IS_PUSHED = re.compile(
    r" (?:up|the|our|more|those|these|harder|this|that|it|them|for|some|all|sales|revenue|orders|visits|profit)\b"
)
_OWNED = re.compile(
    r"\b(?:(?:only|just) )?(?:free|owned|our own|own|unpaid|cheap) channels?(?: only)?|\bno paid (?:channels?|media|ads?)\b|\bwithout paid (?:channels?|media|ads?)\b|\bno (?:ads|advertising|paid ads)\b"
)
_NOBODY = re.compile(
    r"\b(?:without (?:contacting|messaging|writing to|reaching out to|reaching|mailing|e-?mailing|disturbing|talking to) (?:anyone|anybody|any customers?|customers?|people|any people|them|a single (?:person|customer)|any of them)"
    r"|without (?:any|sending any|sending|a single) (?:messages?|contacts?|communications?|anything|outreach)|(?:do|must|can|should|may) not (?:contact|message|write to|reach out to|reach|disturb) (?:anyone|anybody|any customers?|people|customers|them)"
    r"|no (?:contacts?|messages?|outreach|communications?)(?: at all| whatsoever| to anyone)?|(?:contact|reach|message|e-?mail|disturb) (?:nobody|no one|no-one)|nobody (?:may|must|should|can|is to) be contacted)(?= ?[.,;:!?)|]| ?$| at all| and )"
)


@dataclass(frozen=True)
class Means:
    """One channel and whether it is to be used (alone) or not at all; `is_added`: on top of others ("also SMS"); `is_alone`: "only"."""

    channel: Channel
    is_wanted: bool
    is_added: bool = False
    is_alone: bool = False


def channels(turn: Turn) -> list[Said[Means]]:
    """Channels wanted and not wanted, in the order they were named."""
    heard: list[Said[Means]] = []
    for match in turn.found(_OWNED):
        if re.match(r"no |without ", match[0]):
            heard += [Said(Means(c, False), turn.quote(*match.span()), match.start()) for c in ("paid_social", "display")]
        elif not _MENTION.search(turn.rest[match.end() : match.end() + 16]):
            heard += [Said(Means(c, True), turn.quote(*match.span()), match.start()) for c in ("email", "push", "web")]
        turn.take(*match.span())
    for group in _groups(turn):
        heard += _heard(turn, group)
    return heard


def channel_at(text: str, at: int) -> tuple[Channel, int] | None:
    """The channel named at a place of the text and where its name ends."""
    match = _MENTION.match(text, at)
    return (_channel(match), match.end()) if match else None


def other_media(turn: Turn) -> list[Said[str]]:
    """Media that are none of the eight channels and cannot be planned; to refuse one is to ask for nothing."""
    for refused in turn.found(_NO_OTHER_MEDIUM):
        turn.take(*refused.span())
    return [turn.said(match["medium"], match.start(), match.end()) for match in turn.found(_OTHER_MEDIA)]


def named_in(text: str) -> frozenset[Channel]:
    """Every channel a text names, in whatever sense."""
    return frozenset(_channel(match) for match in _MENTION.finditer(text.lower()))


def nobody(turn: Turn) -> list[Said[bool]]:
    """That nobody is to be contacted at all."""
    return [turn.said(True, m.start(), m.end()) for m in turn.found(_NOBODY)]


def _groups(turn: Turn) -> Iterator[list[Match[str]]]:
    """Mentions that stand in one list: "email, sms and app push"."""
    group: list[Match[str]] = []
    for match in [m for m in _MENTION.finditer(turn.rest) if not _is_something_else(turn, m)]:
        if group and _LINK.fullmatch(turn.rest[group[-1].end() : match.start()]) and not _turns(turn, group[-1], match):
            group.append(match)
            continue
        if group:
            yield group
        group = [match]
    if group:
        yield group


def _is_something_else(turn: Turn, match: Match[str]) -> bool:
    """E-mail opens, web shop visits, and push as a verb."""
    is_verb = match[0] in {"push", "display"} and _WHAT_IS_PUSHED.match(turn.rest, match.end())
    of_what = _NOT_A_MEANS.match(turn.rest, match.end())
    if _A_NUMBER_OF.search(turn.rest[max(0, match.start() - 8) : match.start()]):
        return not turn.rest.startswith((" only", " campaign"), match.end())
    if is_verb or of_what:
        turn.hear(match.start(), of_what.end() if of_what else match.end())
    return bool(is_verb or of_what)


def _turns(turn: Turn, one: Match[str], other: Match[str]) -> bool:
    """Whether the list changes between wanted and not wanted: "e-mail, no sms"."""
    if _is_refused(turn, one):
        return bool(re.match(r" ?(?:only|instead)\b", turn.rest[other.end() :]))
    return bool(re.search(r"\b(?:no|not)\b", turn.rest[one.end() : other.start()]))


def _heard(turn: Turn, group: list[Match[str]]) -> list[Said[Means]]:
    first, last = group[0], group[-1]
    before = turn.rest[max(0, first.start() - 48) : first.start()]
    refused = _is_refused(turn, first) or bool(
        re.match(
            r" ?(?:is |are )?(?:not allowed|forbidden|off limits|excluded|taboo|out of the question)", turn.rest[last.end() :]
        )
    )
    is_soft = bool(_SOFT.search(before) or _SOFT_AFTER.match(turn.rest, last.end()))
    lead = _NEGATIVE.search(before) or _MEANS.search(before)
    start = first.start() - (len(before) - lead.start()) if lead else first.start()
    only = re.match(r" ?,? ?(?:only|alone|exclusively)\b", turn.rest[last.end() :])
    end = last.end() + (only.end() if only else 0)
    if not refused and (is_soft or not _is_meant(turn, group, has_only=bool(only))):
        if allowed := _ALLOWED_TOO.match(turn.rest, last.end()):
            turn.hear(start, allowed.end())
        return []
    quote, at = turn.quote(start, end), start
    turn.take(start, end)
    is_added = bool(_ADDED.search(before) or _ADDED_AFTER.match(turn.rest, last.end()))
    is_alone = (
        bool(
            only
            or re.search(r"\b(?:only|just|exclusively|nothing but) (?:(?:use|via|by|through|using|with|over|the) ){0,2}$", before)
        )
        and not refused
    )
    return [Said(Means(_channel(match), not refused, is_added and not refused, is_alone), quote, at) for match in group]


def _is_refused(turn: Turn, match: Match[str]) -> bool:
    before = turn.rest[max(0, match.start() - 48) : match.start()]
    if not _NEGATIVE.search(before):
        return False
    if _VERB_NOT.search(before) and match[0].strip() in {"email", "e-mail", "mail", "text", "call", "phone", "push", "ring"}:
        return bool(_WHOM.match(turn.rest, match.end()))
    return True


def _is_meant(turn: Turn, group: list[Match[str]], *, has_only: bool) -> bool:
    """Whether a mention names a means; `push` and `web` alone are everyday words."""
    if has_only or len(group) > 1:
        return True
    match = group[0]
    if match[0] not in _WEAK:
        return True
    before = turn.rest[max(0, match.start() - 24) : match.start()]
    after = turn.rest[match.end() :]
    if match[0] in {"text", "call", "mail", "phone", "ring"} and re.match(
        r" (?:our|the|all|only|lapsed|inactive|new|vips?|women|men|customers|people|everyone|\|)", after
    ):
        return True
    is_led = re.search(r"\b(?:via|using|use|through|by|only|just|channels?(?: are| is)?:?|with) (?:the |our |a )?$", before)
    return bool(is_led) and not re.match(r" (?:to|more|our|the)\b", after)


def _channel(match: Match[str]) -> Channel:
    return next(channel for channel, _ in _NAMES if match[channel] is not None)
