"""Listens for people: whom alone to reach, whom to leave out, in which country. Phrases stay in the marketer's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftwright.planning.goals.countries import ADJECTIVES, NAMES
from liftwright.planning.goals.text import Said, Turn

_HERE = "|".join(sorted((re.escape(name) for name in NAMES), key=len, reverse=True))
_NATION = "|".join(sorted(ADJECTIVES, key=len, reverse=True))
_GENERIC = r"customers?|people|persons?|anyone|anybody|everyone|everybody|those|buyers?|shoppers?|users?|clients?|contacts|recipients?|visitors?|households?|adults|accounts?|ones|subscribers?|members?"
_SPECIFIC = (
    r"women|men|ladies|guys|girls|boys|females?|males?|minors?|kids|children|teens?|teenagers?|students?|seniors?|pensioners?|vips?|employees|staff|colleagues"
    r"|families|parents|mums|moms|dads|first-time buyers|newcomers|regulars|loyalists|big spenders|bargain hunters|competitors|under-?\d+s?|over-?\d+s?"
    r"|under age|underage|non-?buyers|prospects|millennials|gen z|boomers|cart abandoners|abandoners|window shoppers|complainers|returners|residents|couples|singles|spenders"
)
_ADJECTIVE = (
    rf"(?:{_NATION}|lapsed|inactive|dormant|sleeping|churned|former|past|previous|existing|current|active|recent|new|loyal|best|top|high-?value|valuable|low-?value|repeat|returning|regular|frequent|one-?time"
    r"|first-?time|young(?:er)?|old(?:er)?|elderly|male|female|single|married|b2b|b2c|business|private|premium|gold|silver|platinum|at-?risk|price-?sensitive|discount|online|offline|app|newsletter|wholesale|retail|local|urban|rural|rural|suburban"
    r"|opted-?out|unsubscribed|unhappy|angry|persuadable|engaged|unengaged|under-?age|\d+ day|highest|wealthy|internal|lost|(?:top|best|upper|bottom|worst) \d{1,2} ?(?:%|percent)(?: of)?(?: our| the)?)"
)
_NP = rf"(?:{_ADJECTIVE} ){{0,3}}(?:{_SPECIFIC}|{_GENERIC})\b"
_ANY_KIND = (
    r"(?:(?!(?:to|for|in|on|at|by|of|with|from|and|or|but|the|our|all|any|more|most|as|so|get|make|let|keep|use|no|not|per|each|every|existing|if|when|is|are|only|just|who|that|these|those"
    r"|reach|contact|target|exclude|excluding|except|limit|be|have|want|need|their|my|your|its|sell|many|much|than)\b)[a-z][a-z'-]{1,30} )"
)
"""A word that says what kind of people: where people are plainly singled out, whatever stands before "customers" does."""
_KIND = rf"(?:(?:{_ADJECTIVE} |{_ANY_KIND}){{0,3}}(?:{_SPECIFIC}|{_GENERIC})\b)"
_PLAIN = rf"(?:{_ADJECTIVE} ){{1,3}}(?:{_GENERIC})\b|(?:{_ADJECTIVE} ){{0,3}}(?:{_SPECIFIC})\b"
_CLAUSE = (
    rf"(?: (?:who|that|which|whose|it (?:does|did|will)|we |they |with (?:children|kids|an? |no |more|less|high|low)|without (?:an? |any |children|kids|consent)|under \d|over \d|aged|older than|younger than|below \d|above \d|between \d+ and \d+"
    rf"|inactive|active|lapsed|silent|(?:in|from|near|around|outside|living in) (?:(?:the )?(?:{_HERE})|(?!general|total|time|need|advance|order|fact|each|every|their|\d|\|)[a-z])|from our|on our|in our|in the (?:loyalty|city|north|south|east|west)|having|from the (?:last|past) \d|buying|living|not buying|in their|of (?:the )?age|with consent)[^.;!?|,:()]{{0,110}})?"
)
_DETERMINERS = r"(?P<det>(?:(?:our|the|all|any|of|those|these|my|us|up|out|everyone except|some|\|+) ){0,6})"
_PHRASE = rf"{_DETERMINERS}(?P<who>{_NP}{_CLAUSE})"
_SINGLED_OUT = rf"{_DETERMINERS}(?P<who>{_KIND}{_CLAUSE})"
_OUT = (
    r"(?:excludes?|excluding|exclude:|leav(?:e|ing) out|skip(?:ping)?|omit(?:ting)?|spare|sparing|except(?: for)?|apart from|other than|but not|not to|suppress(?:ing)?|without|avoid(?:ing)?|ignore|ignoring|remove|removing|filter out|take out|drop|not|minus"
    r"|(?:do|must|should|can|may|will|please) not (?:ever )?(?:contact|e-?mail|mail|message|bother|target|annoy|bug|spam|touch|include|write to|text|call|disturb|hit|send (?:(?:anything|this|it|them|messages?|e-?mails?) )?to|reach(?: out to)?|approach|pester|wake|go after|address|want)"
    r"|never (?:contact|e-?mail|mail|message|bother|target|bug|spam|include|write to|text|call|disturb|send (?:anything )?to|reach|approach)|no contact with|no (?:messages?|e-?mails?|sms|calls?|contact) (?:to|for)|keep out|not for|not interested in|nothing (?:to|for)|off limits:?|no)"
)
_EXCLUDE = re.compile(rf"\b{_OUT}:? {_PHRASE}")
_PLAINLY_OUT = re.compile(
    rf"\b(?:(?:everyone|everybody|anyone|anybody|all) but|excludes?|excluding|exclude:|leav(?:e|ing) out|except(?: for)?|apart from|other than|but not|omit(?:ting)?|filter out|without contacting|(?:nothing|no (?:messages?|e-?mails?|sms|texts?|calls?|contact)) (?:to|for)"
    rf"|(?:do|must|should|can|may|will|please) not (?:ever )?(?:contact|bother|target|include|write to|disturb|reach(?: out to)?)):? {_SINGLED_OUT}"
)
_NO_ONE = re.compile(
    r"\b(?P<cue>no one|nobody|noone|no-one) (?P<who>(?:who|under|over|below|above|that|from|aged|younger|older|with)[^.;!?|,:()]{1,110})"
)
_ALONE = re.compile(rf"\b(?:leave|leaving|keep|keeping) {_PHRASE} (?P<tail>alone|out(?: of (?:it|this))?|in peace|untouched)\b")
_OFF = re.compile(
    rf"(?<![\w']){_SINGLED_OUT} (?P<tail>(?:(?:is|are|should be|must be|to be|will be|get|stay) )?(?:excluded|left out|left alone|off[- ]limits|not (?:to be )?contacted|skipped|out|taboo|exempt))"
)
_ONLY = re.compile(
    rf"\b(?:only|just|exclusively|solely|limited to|limit(?:ing)? (?:it |this )?to|restrict(?:ed)? (?:it |this )?to|target(?:s|ing|ed at)?(?: only|:)?|aim(?:ed|ing)? (?:it |this )?at|focus(?:s?ed|ing)? on|go(?:ing)? after|among(?:st)?|to|from|towards|address|reach|audience(?: is)?:?|segment:?|who:|for"
    rf"|contact|e-?mail|mail|message|text|call|write to|speak to|win(?:ning)? back|bring(?:ing)? back|re-?activat(?:e|ing)|wake(?: up)?|get|re-?engage|include|including|ask|nudge|remind|invite|persuade|convince|make)(?: only| to| just| for)?:? {_PHRASE}"
)
_PLAINLY_ONLY = re.compile(
    rf"\b(?:only|just|exclusively|solely|limited to|limit(?:ing)? (?:it |this )?to|restrict(?:ed)? (?:it |this )?to|among(?:st)?|target(?:ing)? only)(?: to| for| at| among| with| contact| target| reach)?:? {_SINGLED_OUT}"
)
_THEY_ONLY = re.compile(rf"(?<![\w']){_SINGLED_OUT} (?:\|+ ?)?(?:only|exclusively)\b")
_SUBGROUP = re.compile(rf"(?<![\w']){_PHRASE}")
_ANOTHER_THOUGHT = re.compile(
    rf" (?:and|or|nor)(?= (?:{_PLAIN}))"
    r"| with(?= (?:direct|e-?mail|sms|push|paid|app|text|calls?|phone|[$€£\d|]))"
    r"| (?:(?:and|but|or|so|while)(?= (?:we|i|keep|do|no|not|use|spend|budget|make|with|please|stay|hold|leave|exclude|skip|never|only|let|max|our|it|give|send|want|need|margin|sell|target|focus|stop|run|maximum|must|should|get|increase|raise|grow|reduce|the)\b)"
    r"|but|so|while|with an? (?:budget|max)|with (?:no|max)|on a budget|using|via|please|thanks|then|budget|keep|by|until|instead|at all|buy again|to (?:buy|come|order|return|spend|shop|purchase|get|make)|next|coming|too|as well|also|only|alone|either|again)(?= |$)"
)
_JOINED = re.compile(
    rf"(?:,? (?:and|or|nor|&)|,) (?:(?:no|our|the|all|any|also|except|not) ){{0,6}}(?P<who>(?:{_PLAIN}){_CLAUSE}|(?:{_GENERIC}){_CLAUSE[:-1]})"
)
_EVERYONE = re.compile(rf"(?:all )?(?:{_GENERIC})")
_FOR_WHOM_A_PRODUCT_IS = re.compile(
    r"\b(?:women|men|ladies|girls|boys|kids|children|teens?|students?|females?|males?|seniors?|moms|mums|dads|parents|couples)\b"
)
_STATE = {
    "reactivated_customers": re.compile(
        rf"(?:(?:{_ADJECTIVE}) ){{0,6}}(?:lapsed|inactive|dormant|sleeping|churned|former|lost|past|old|previous)(?: {_ADJECTIVE}){{0,6}} (?:{_GENERIC})"
    )
} | {"new_customers": re.compile(rf"(?:new|first-?time) (?:{_GENERIC})|new {_GENERIC}")}
_COUNTRY = re.compile(
    rf"\b(?:only |just )?(?:in|for|from|to|across|within|throughout|inside|based in|living in|limited to|country:?|market:?|countries:?|markets:?|only|just) (?P<one>{_HERE})(?!\w)(?:,? ?(?:and|or|&|,|\+) ?(?:in |for )?(?P<two>{_HERE})(?!\w))?(?:,? ?(?:and|or|&) ?(?:in |for )?(?P<three>{_HERE})(?!\w))?(?: only)?"
    rf"|\b(?P<only>{_HERE}) only\b"
    rf"|\b(?:our |the |only ){{0,6}}(?P<adjective>{_NATION})(?= (?:customers?|people|shoppers?|market|buyers?|women|men|clients?|users?|subscribers?|audience|visitors?|shop|store|site|vips?|households?)\b)"
)
_REFUSED = re.compile(
    r"\b(?:(?:do|does|must|should|can|may|will|would|need) not|never|no need to|avoid|without|rather not|not want to|hate to)(?: (?:want|like|wish|try|have|be|ever|us|you|it|to|reaching|going)){0,4} ?$"
)
_OUTSIDE = re.compile(r"\b(?:exclud\w+|except(?: for)?|not|without|leave out|outside(?: of)?|skip|no|but)\b[^.;!?]{0,40}$")


_NOT_THERE = re.compile(
    rf"\b(?:not|no|except(?: for)?|excluding|exclude|without|skip|leave out|leaving out|apart from)(?: (?:in|for|from|to))? (?P<where>{_HERE})(?!\w)(?! (?:customers?|people|shoppers?|buyers?|women|men|clients?|users?)\b)"
)
_ALONE_STANDS = re.compile(
    rf"(?:^|[,;.|] ?)(?P<one>{_HERE})(?:(?:,| and| &| \+)? (?P<two>{_HERE}))?(?:(?:,| and| &| \+)? (?P<three>{_HERE}))?(?=\s*(?:[,;.!|]|$))"
)


def countries(turn: Turn) -> list[Said[str]]:
    """ISO codes of the countries the campaign is limited to."""
    heard: list[Said[str]] = []
    for match in turn.found(_ALONE_STANDS):
        codes = list(dict.fromkeys(NAMES[match[group]] for group in ("one", "two", "three") if match[group]))
        first = match.start("one")
        said = turn.said(codes[0], first, match.end())
        heard += [said, *(Said(code, said.quote, first) for code in codes[1:])]
    for match in turn.found(_COUNTRY):
        before = turn.rest[max(0, match.start() - 48) : match.start()]
        named = [match[group] for group in ("one", "two", "three", "only") if match[group]]
        codes = [NAMES[name] for name in named] or [ADJECTIVES[match["adjective"]]]
        if _OUTSIDE.search(before):
            continue
        quote = turn.quote(*match.span())
        turn.take(match.start(), match.end() - (len(" only") if match[0].endswith(" only") and match["one"] else 0))
        heard += [Said(code, quote, match.start()) for code in dict.fromkeys(codes)]
    return heard


def country_in(phrase: str) -> str | None:
    """The ISO code of the country a phrase names."""
    words = phrase.lower()
    name = re.search(rf"\b(?:{_HERE})\b", words)
    if name:
        return NAMES[name[0]]
    nation = re.search(rf"\b(?:{_NATION})\b", words)
    return ADJECTIVES[nation[0]] if nation else None


def excluded(turn: Turn) -> list[Said[str]]:
    """Phrases for people to leave out."""
    heard: list[Said[str]] = []
    for pattern in (_ALONE, _OFF):
        for match in turn.found(pattern):
            if not _EVERYONE.fullmatch(match["who"]):
                heard.append(_phrase(turn, match.start("who"), match.end("who"), start=match.start(), end=match.end()))
    for match in turn.found(_NOT_THERE):
        heard.append(turn.said(f"people in {turn.quote(*match.span('where'))}", match.start(), match.end()))
    for match in turn.found(_NO_ONE):
        end = _clause_end(turn.rest, match.start("who"), match.end("who"))
        quote = turn.quote(match.start("who"), end)
        turn.take(match.start(), end)
        heard.append(Said(f"people {quote}", quote, match.start()))
    for pattern in (_EXCLUDE, _PLAINLY_OUT):
        for match in turn.found(pattern):
            heard += _listed(turn, match.start(), match.start("who"), match.end("who"))
    for match in turn.found(_ONLY):
        if _REFUSED.search(turn.rest[max(0, match.start() - 40) : match.start()]):
            heard += _listed(turn, match.start("who"), match.start("who"), match.end("who"))
    return heard


def included(turn: Turn) -> list[Said[str]]:
    """Phrases for the only people to reach."""
    heard: list[Said[str]] = []
    for match in turn.found(_THEY_ONLY):
        if not _EVERYONE.fullmatch(match["who"]):
            heard.append(_phrase(turn, match.start("who"), match.end("who"), start=match.start(), end=match.end()))
    for match in turn.found(_ONLY):
        if _REFUSED.search(turn.rest[max(0, match.start() - 40) : match.start()]):
            continue
        if not (
            match[0].startswith("for ")
            and _FOR_WHOM_A_PRODUCT_IS.fullmatch(match["who"])
            and _follows_product(turn, match.start())
        ):
            heard += _listed(turn, match.start("who"), match.start("who"), match.end("who"))
    for match in turn.found(_PLAINLY_ONLY):
        heard += _listed(turn, match.start(), match.start("who"), match.end("who"))
    for match in turn.found(_SUBGROUP):
        if " who " in match["who"] or " whose " in match["who"]:
            heard += _listed(turn, match.start(), match.start("who"), match.end("who"))
    return heard


def restates(metric: str, phrase: str) -> bool:
    """Whether a phrase says no more than the metric does: lapsed customers, when customers are to be won back."""
    pattern = _STATE.get(metric)
    return bool(pattern and pattern.fullmatch(phrase.lower()))


def _follows_product(turn: Turn, at: int) -> bool:
    before = turn.rest[max(0, at - 24) : at].rstrip()
    return not re.search(r"(?:campaign|only|just|offer|e-?mail|mailing|message|something|\||[.,;:!?]|^)$", before)


def _listed(turn: Turn, start: int, first: int, last: int) -> list[Said[str]]:
    """The phrase and those joined to it: "minors and VIPs"."""
    end = _clause_end(turn.rest, first, last)
    if _EVERYONE.fullmatch(turn.rest[first:end]):
        return []
    spans = [(first, end)]
    while joined := _JOINED.match(turn.rest, end):
        end = _clause_end(turn.rest, joined.start("who"), joined.end())
        spans.append((joined.start("who"), end))
    quotes = [turn.quote(*span) for span in spans]
    turn.take(start, end)
    return [Said(quote, quote, span[0]) for quote, span in zip(quotes, spans, strict=True)]


def _phrase(turn: Turn, first: int, last: int, *, start: int, end: int) -> Said[str]:
    quote = turn.quote(first, last)
    turn.take(start, end)
    return Said(quote, quote, first)


def _clause_end(text: str, first: int, last: int) -> int:
    """Where a phrase ends: before the words that begin another thought."""
    for cut in _cuts(text[first:last]):
        return first + cut
    return first + len(text[first:last].rstrip(" -+'\""))


def _cuts(phrase: str) -> Iterator[int]:
    noun = re.match(_NP, phrase)
    floor = noun.end() if noun else 0
    for match in _ANOTHER_THOUGHT.finditer(phrase):
        if match.start() >= floor:
            yield match.start()
