"""What no listener understood. A limit nobody heard must not be dropped without a word, so whatever is left is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import Match

from liftwright.domain.goal import Assumption
from liftwright.planning.goals.metric import is_a_way
from liftwright.planning.goals.spelling import in_words
from liftwright.planning.goals.text import Said, Turn

NOT_UNDERSTOOD = "not_understood"
"""`Assumption.field` of words that ask for something the reader cannot act on."""
BACKGROUND = "background"
"""`Assumption.field` of words that seem to tell how things are."""
MAY_LIMIT = "a limit may be missing from the plan"
"""`Assumption.effect` of words that may set a limit."""
MOST = 12
"""Stretches of one statement that are named one by one; the last of them then covers all that follows."""

_LONGEST = 200
_CLAUSE_END = re.compile(
    r"[.;!?,()](?=\s|$)|[\n;!?()]|(?<!everyone )(?<!everybody )(?<!anyone )(?<!anybody )(?<!all )\bbut\b|\b(?:and|so|because)\b"
)
_WORD = re.compile(r"[^\W_][\w'&-]*(?:[.,:/]\d+)*%?")
_LIMIT = re.compile(
    r"\b(?:(?:everyone|everybody|anyone|anybody|all) but|only|solely|exclusively|except|excluding|exclude|without|never|unless|avoid|skip|omit|nothing|nobody|none|neither|nor|max(?:imum)?|min(?:imum)?|at most|at least"
    r"|no (?:more|less|fewer|later|earlier)(?: than)?|more than|less than|up to|under|below|above|over|cap(?:ped)?|limit(?:ed)?|must|if|unless|per|each|every|stop"
    r"|(?<!is )(?<!are )(?<!was )(?<!were )(?<!has )(?<!have )(?<!had )(?<!did )(?<!does )(?<!i do )(?:not|no))\b"
)
_ASKED = re.compile(
    r"^(?:(?:and|also|then|please|just|can|could|you|we|should) )*(?:make|send|use|offer|give|put|include|add|ensure|spend|ignore|approve|set|start|test|try|focus|target|mention|show|call|split|keep|prefer|prioriti[sz]e|mostly|mainly|preferably|ideally|remember)\b"
)
_WHOM_OR_WHERE = re.compile(
    r"\b(?:to|for|in|from|among|at|near|with|via|on|by|within|around|during|between|until|before|after|like|as) (?:(?:the|our|a|an|all|any|my|those|these) )*$"
)
_POLITE = re.compile(
    r"\b(?:no (?:worries|rush|idea|problem|need|questions?|doubt|matter what|pressure|joke|biggie)|let (?:me|us) know|if (?:possible|needed|you can|you could|you like|that helps|that is ok|it is ok|any|you have (?:any )?questions)"
    r"|over the moon|not sure|for (?:this|that|it)|at the moment|in advance|as (?:possible|poss|discussed|agreed|you know|always|usual)|of course|you know|i mean|by the way|thank you)\b"
)
_LIST_NUMBER = re.compile(r"\d{1,2}\)")
_TELLS = re.compile(
    r"\b(?:is|are|was|were|am|has|have|had|did|does|do|will|would|said|says|think|thinks|know|knows|seems?|looks?|feels?|felt|went|came|got|fell|rose|i|he|she|they|we|you|it)\b|'(?:s|re|m|ve|ll|d)\b"
)
"""In a clause nobody understood any of: it tells how things are."""
_SIGNED = re.compile(r"(?:thanks|thank you|regards|best|cheers|br|yours)\W*$")
_SHORTENED = re.compile(r"'(?:s|re|m|ll|ve|d|em)$")
_FILLER = frozenset(
    in_words(
        "a an the this that these those there here it its we us our ours i me my mine you your he she they them their who whom which what "
        "and or but so then than as at by for from in into of off on onto out over per to up with about around via within during until if "
        "is are was were be been being am do does did done have has had having will would shall should can could may might must let "
        "want wants wanted wish like love need needs needed hope hoping looking look trying aim aiming get gets getting got go going goes gone make makes making made "
        "give gives take takes put run runs running keep keeping help plan planning achieve reach set see think guess know mean say says said ask asks work works working "
        "please thanks thank hi hello hey hiya dear team guys all folks people regards best kind sorry sry yes yep yeah no not nope ok okay sure fine good great nice cool well right "
        "just only really very quite pretty so too also again still even already maybe perhaps probably possibly possible basically actually like kinda sorta bit lot lots much many more most less some any "
        "every each other others another same new next last now today soon asap quickly fast hard better best least first "
        "goal goals objective target targets campaign campaigns budget timing time period horizon product products channel channels audience constraint constraints note notes metric kpi when where how why who "
        "marketing number numbers total overall result results business company shop store online customer customers buyer buyers client clients user users "
        "day days week weeks month months year years money cash dollar dollars euro euros pound pounds max min maximum minimum "
        "lol idk btw fyi pls plz etc eg ie e.g i.e hm hmm hmmm um uh oh ah well quick one thing things stuff something anything everything someone anyone everyone "
        "site sites website websites boss coming happy happen happens happened back bring brings bringing cheaper thats whats write writing person persons contacted hoped "
        "door dust collecting em sitting lying around moving aside alone actually wait correction sorry scratch strike change make ready live end ends start starts launch begin begins "
        "use using used via through send sending reach reaching contact contacting message messaging sell selling sold buy buying bought whatever however though although while because since "
        "discount discounts margin offer offers off percent points each kept held stay stays remain remains spend spending cost costs allowed within amount "
    )
)


@dataclass(frozen=True)
class Left:
    """Words nobody understood. `asks`: they want something done; `limits`: they may set a limit."""

    asks: bool
    limits: bool


def left_over(turn: Turn) -> list[Said[Left]]:
    """What is left of a turn after every listener has taken its words, clause by clause, in the raw words."""
    found: list[Said[Left]] = []
    polite = [match.span() for match in _POLITE.finditer(turn.text)]
    for first, last in _clauses(turn.text):
        words = [word for word in _WORD.finditer(turn.text, first, last) if not _is_understood(turn, word, polite)]
        words = [word for word in words if not _LIST_NUMBER.match(turn.text, word.start())]
        if any(_has_content(word[0]) for word in words):
            if len(found) == MOST:
                rest = found.pop()
                found.append(Said(Left(asks=True, limits=True), turn.quote(rest.at, len(turn.text)), rest.at))
                break
            found.append(_said(turn, words, first, last))
    return found


def as_assumption(said: Said[Left]) -> Assumption:
    """Words left over, as what is assumed about them; a long stretch is cut at 200 characters."""
    words = said.quote if len(said.quote) <= _LONGEST else f"{said.quote[: _LONGEST - 1]}…"
    if not said.value.asks:
        because = "it asks for nothing that the reader knows"
        return Assumption(field=BACKGROUND, value=words, because=because, effect="it changes nothing in the plan")
    because = "the reader does not know what to do with these words"
    effect = MAY_LIMIT if said.value.limits else "they change nothing in the plan"
    return Assumption(field=NOT_UNDERSTOOD, value=words, because=because, effect=effect)


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    first = 0
    for end in _CLAUSE_END.finditer(text):
        yield first, end.start()
        first = end.end()
    yield first, len(text)


def _is_understood(turn: Turn, word: Match[str], polite: list[tuple[int, int]]) -> bool:
    return turn.is_heard(*word.span()) or any(first <= word.start() < last for first, last in polite)


def _has_content(word: str) -> bool:
    """Whether a word says something: a number does, a filler, a way to go or a limiting word alone does not."""
    if word[0].isdigit():
        return True
    word = _SHORTENED.sub("", word)
    return word not in _FILLER and len(word) > 1 and not is_a_way(word) and not _LIMIT.fullmatch(word)


def _said(turn: Turn, words: list[Match[str]], first: int, last: int) -> Said[Left]:
    """The words from the first to the last stretch that says something, with what nobody understood around them."""
    telling = [word for word in words if _has_content(word[0])]
    limits = [m for m in _LIMIT.finditer(turn.text, first, last) if not turn.is_heard(m.end() - 1, m.end())]
    start = min([telling[0].start(), *(m.start() for m in limits)])
    end = telling[-1].end()
    start = min(word.start() for word in words if word.start() >= start or not turn.is_heard(word.start(), start))
    end = max(word.end() for word in words if word.end() <= end or not turn.is_heard(end, word.end()))
    start -= turn.text[:start].endswith(("$", "€", "£"))
    is_part = turn.is_heard(first, last)
    is_whom = is_part and any(_WHOM_OR_WHERE.search(turn.text[max(first, word.start() - 24) : word.start()]) for word in telling)
    clause = turn.text[first:last].strip()
    is_told = _TELLS.search(clause) is not None or _SIGNED.search(turn.text[max(0, first - 24) : first]) is not None
    is_asked = is_part or not is_told or bool(_ASKED.match(clause)) or any(word[0][0].isdigit() for word in telling)
    may_limit = bool(limits) or is_whom
    return Said(Left(asks=is_asked or may_limit, limits=may_limit), turn.quote(start, end), start)
