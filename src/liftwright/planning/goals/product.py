"""Listens for the product or category, in the marketer's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from re import Match

from liftwright.planning.goals.metric import METRIC
from liftwright.planning.goals.numbers import MAGNITUDE, NUM, to_number
from liftwright.planning.goals.spelling import in_words
from liftwright.planning.goals.text import Said, Turn

GOODS = frozenset(
    in_words(
        "shoes shoe sneakers boots sandals trainers heels slippers jackets jacket coats coat parkas hoodies hoodie "
        "sweaters sweater jumpers shirts shirt t-shirts tees blouses dresses dress skirts jeans trousers pants shorts "
        "leggings socks underwear lingerie bras pyjamas swimwear bikinis suits ties scarves gloves hats caps beanies "
        "belts bags bag handbags backpacks luggage suitcases wallets watches jewellery jewelry rings necklaces earrings "
        "bracelets sunglasses glasses perfume perfumes fragrances makeup cosmetics skincare shampoo creams sofas sofa "
        "chairs tables desks beds mattresses mattress lamps lighting rugs curtains furniture towels bedding pillows "
        "cookware knives pans mugs glassware kettles toasters blenders vacuums fridges dishwashers ovens grills bbqs "
        "barbecues coffee tea wine beer whisky gin chocolate snacks cheese meat vitamins supplements bikes bicycles "
        "e-bikes scooters helmets tents tent skis snowboards surfboards kayaks golf yoga treadmills dumbbells toys lego "
        "puzzles games books ebooks magazines phones smartphones laptops tablets headphones earbuds speakers cameras "
        "tvs televisions printers monitors keyboards chargers cables plants flowers bouquets seeds tools drills paint "
        "tiles tyres tires candles cards vouchers tickets flights hotels holidays cruises insurance software licences "
        "licenses courses diapers nappies strollers prams gadgets stationery pens notebooks umbrellas blankets "
        "accessories electronics womenswear menswear kidswear sportswear knitwear outerwear footwear denim activewear "
        "homeware groceries petfood "
    )
)
_HEAD = r"(?:(?:way |even |much |a lot |lots |far |as )?(?:more|many|much)|of|our|the|all|any|some|those|these|that|this|my|a|an|extra|additional|left-?over|remaining|lots|as|possible|out|off|through|up|on|units|pairs|pieces|items|stock|last|old) "
_STOP = (
    r"(?:over|in|by|with|until|before|for|on|to|at|during|from|between|within|this|next|using|via|through|without|while|but|so|please|thanks|budget|max|keep|keeping|margin|no|not|only|just|again|asap|now|today|who|that|which|except|excluding|apart|other|worth|is|are|has|have|had|will"
    r"|can|should|would|must|if|as|spend|spending|starting|around|about|against|among|because|since|than|then|e-?mails?|sms|push|people|customers?|week|month|quarter|year|days?|weeks?|months?|i|we|it|you|they|us|our|my|per|a|an|every|each|up|down|more|less|sold|fast|quickly|online"
    r"|target|goal|leave|exclude|skip|don|do|does|moving|selling|goes|go|isn|aren|wasn|tomorrow|soon|off|out|back|off|compared|versus|vs|and/or|via|also|too|maximum|minimum|horizon|period)"
)
_VERB = r"(?:keep|keeping|leave|exclude|don|do|make|use|spend|hold|stay|send|grow|increase|raise|reduce|get|bring|cut|boost|give|maintain|lift|improve|skip|never|win|avoid|stop|sell|target|focus|we|i|it|no|not|only|our|please|the|budget|margin|max|maximum|minimum|at|a|to|with|by|in|over|until|let|run|want|need|should|push|drive|be|so|then|all|lower|raise|revenue|sales|orders|visits|profit|traffic)"
_WORD = rf"(?:(?<=size )\d{{1,2}} )?(?!{_STOP}\b)[a-z][a-z0-9&'.-]{{0,30}}(?<![.,])(?![a-z0-9&'-])"
NOUN = rf"(?:{_HEAD}){{0,6}}(?P<np>{_WORD}(?: (?!(?:and|or|&)\b){_WORD}){{0,4}}(?:(?: (?:and|or)| &) (?!{_VERB}\b){_WORD}(?: (?!(?:and|or)\b){_WORD}){{0,2}}(?=\s*(?:[.,;:!?)|]|$| {_STOP}\b)))?)"
_SELL = (
    r"(?P<verb>sell(?:ing)?(?: (?:off|out(?: of)?|through))?|shift(?:ing)?|flog(?:ging)?|mov(?:e|ing)(?= (?:more|way|some|the|our|those|these|all|lots|a lot|\d))|push(?:ing)?|promot(?:e|ing)|clear(?:ing)?(?: out)?(?: (?:the |our )?(?:stock|inventory) of)?|get(?:ting)? rid of|offload(?:ing)?"
    r"|unload(?:ing)?|sell-?through of|market(?=ing? our| our| the)|hype|plug)"
)
_SOLD = re.compile(
    rf"\b{_SELL} (?:(?:another|about|around|at least|some|an extra) )?(?:(?P<n>{NUM})\s?(?P<mag>{MAGNITUDE})? )?(?:(?:more|extra|additional|units? of|pairs? of|pieces? of|items? of|of|of the|of our) ){{0,6}}{NOUN}"
)
_SELL_ALONE = re.compile(
    rf"\b{_SELL}(?: (?:a lot |lots |way |much |even )?(?:more|stuff|everything|things|better|harder|faster))?(?=\s*(?:[.,;:!?)|]|$| (?:to|in|over|by|with|through|via|until|for|and|but|while|without)\b))"
)
_METRIC_OF = re.compile(rf"(?<![\w'])(?:{METRIC})(?:[ ,]*(?:of|for|from|on|with|in|to(?= (?:our|the)))) (?!\|){NOUN}")
_OF_METRIC = re.compile(
    rf"(?<![\w'-])(?P<np>(?:{_WORD} ){{0,3}}(?:{_WORD})) (?P<metric>sales|revenues?|orders?|turnover|purchases|bookings?|profits?|margins?)(?![\w'])"
)
_NOT_SELLING = re.compile(
    rf"(?:\b(?:the|our|those|these|my|all the) |(?:^|[.,;:!?|]) ?)(?P<np>{_WORD}(?: {_WORD}){{0,3}}) (?:(?:is|are) (?:just )?not|do not|does not|(?:is|are) hardly|are barely|is barely|(?:is|are)) (?:really )?(?:moving|selling|flying|shifting|going|sold|gathering dust|slow|sitting)"
)
_UNSOLD = re.compile(
    rf"(?:(?<![\d.,]){NUM} )?\b(?:unsold|left-?over|overstock(?:ed)?(?: of| on| in)?|too (?:many|much)|excess|surplus) (?P<np>{_WORD}(?: {_WORD}){{0,2}})"
)
_TO_BE_GONE = re.compile(
    rf"\b(?:need|needs|get|want|wants|have) (?:the |our |these |those |all |of ){{0,3}}(?P<np>{_WORD}(?: {_WORD}){{0,2}}) (?:out (?:of )?(?:the |our )?(?:door|house|warehouse)|gone|sold|shifted|off (?:the|our) shelves)\b"
)
_HAS_METRIC = re.compile(rf"\b(?:{METRIC})\b")
_LINE = re.compile(
    r"\b(?:our|the|my|with|via|by|a) (?P<np>(?:women'?s|men'?s|womens|mens|kids'?|ladies'?|girls'?|boys'?|children'?s|baby|unisex|[a-z]+'s)) (?=e-?mails?\b|newsletters?\b|mailings?\b|campaigns?\b|sms\b|push\b|creative\b|messages?\b)"
)
_GOODS_MAIL = re.compile(
    rf"\b(?:our|the|my|with|via|by|a) (?P<np>(?:{'|'.join(sorted(GOODS, key=len, reverse=True))})) (?=e-?mails?\b|newsletters?\b|mailings?\b|campaigns?\b)"
)
_LABEL = re.compile(rf"\b(?:products?|categor(?:y|ies)|assortment|items?|range) ?(?::|=|is|are) ?{NOUN}")
_OFF = re.compile(rf"\| ?(?:on |for )?(?:all |the |our |every ){{0,6}}(?P<np>{_WORD}(?: {_WORD}){{0,2}})")
_BOOST = re.compile(
    rf"\b(?:boost|grow|increase|raise|drive|help|support|advertise|launch|campaign for|demand for|interest in|something (?:for|with|about)) {NOUN}"
)
_ANY_GOODS = re.compile(
    rf"(?<![\w'-])(?<!off )(?P<np>(?:(?:winter|summer|spring|autumn|fall|running|hiking|walking|tennis|football|ski|rain|leather|denim|silk|wool|cotton|garden|outdoor|office|kitchen|coffee|gaming|electric|mountain|road|christmas|women'?s|men'?s|kids'?|ladies'?|baby|gift|vintage|organic|premium|new|used|smart|wireless|red|black|white|blue|green|sports?|swim|school|dining|bath|bed|pet|dog|cat) ){{0,2}}(?:{'|'.join(sorted(GOODS, key=len, reverse=True))}))(?![\w'-])"
)
_WHOLE_SHOP = re.compile(
    r"(?:more|all|everything|anything|stuff|things?|it|them|this|that|products?|items?|goods|web|online|whole (?:shop|store|range|assortment)|(?:the )?(?:business|company|shops?|stores?|webshop|web shop|website|site|brand|numbers?|performance|results?|team|boss|people|customers?|"
    r"e-?mails?|campaigns?|marketing|margins?|growth|kpis?|engagement|awareness|channels?|newsletters?|audience|base|list|market|stock|inventory|units|pairs|pieces|hard|harder|better)|way|lots?|idk|lol|something|great)"
)
_NOT_NAMES = frozenset(
    in_words(
        "total overall online average net gross web store weekly monthly daily new repeat more extra additional max "
        "less fewer increase grow boost raise drive lift improve get bring reduce cut want need wants needs lower "
        "higher bump generate incremental our the my all and or of for by to from in on with at up double triple halve "
        "maximise maximize push some any number many much us me them it make have see please could can should would "
        "keep hold maintain quarterly annual yearly good better best great first second last minimum maximum whole "
        "company shop website digital offline e-commerce ecommerce retail help let goal objective target kpi metric "
        "same-store like-for-like lost missed next this that product be is are was were more decrease these those also "
        "just basically really so ok okay hey hi hello team boss say says said wants as possible least profit margin "
        "sales revenue orders win back additional customer customers subscriber people person turnover drop stabilise "
        "stabilize protect about around roughly achieve reach hit focus strong slow falling rising dropping sinking "
        "poor weak bad low high then now already still not no want like would love wish hope thing things numbers "
    )
)
_EDGE = re.compile(
    r"^(?:(?:more|our|the|of|some|all|those|these|new|a|an|my|its|any|way|as|many|much|possible|extra|and|or) )+(?=\w)|(?: (?:sales|revenue|stuff|asap|pls|lol|well|stock|again|and|or|n|as|like|hard|better|here|there|page|pages|section|online|quickly|fast|etc|today))+$"
)


@dataclass(frozen=True)
class Product:
    """A product or category; `count` when a number of them is to be sold; `is_sold` when a word for selling was used."""

    name: str | None
    count: float | None = None
    is_sold: bool = False


def lines(turn: Turn) -> list[Said[Product]]:
    """A past creative line: "our women's e-mail". Take before channels so that the e-mail stays for them."""
    heard: list[Said[Product]] = []
    for pattern in (_LINE, _GOODS_MAIL):
        for match in turn.found(pattern):
            if match["np"] not in {"today's", "week's", "month's", "year's", "season's", "tomorrow's", "let's"}:
                heard.append(
                    turn.said(Product(turn.quote(match.start("np"), match.end("np"))), match.start("np"), match.end("np"))
                )
    return heard


def products(turn: Turn) -> list[Said[Product]]:
    """Products by how they are spoken of, surest first."""
    heard = _sold(turn)
    for pattern in (_LABEL, _NOT_SELLING, _UNSOLD, _TO_BE_GONE, _METRIC_OF, _OF_METRIC):
        if not any(said.value.name for said in heard):
            heard += _named(turn, pattern)
    if not any(said.value.name for said in heard):
        heard += _named(turn, _OFF) if "off" in turn.text else []
    for pattern in (_BOOST, _ANY_GOODS):
        if not any(said.value.name for said in heard):
            heard += _named(turn, pattern)
    return heard


def short_answer(turn: Turn) -> list[Said[Product]]:
    """A reply of a few words nobody understood yet, taken as the product asked for."""
    words = turn.rest.strip(" .!?,|")
    match = re.fullmatch(NOUN, words)
    if match is None or "|" in words or len(words.split()) > 4 or words in _REPLIES or _is_nothing(match["np"]):
        return []
    at = turn.rest.index(words)
    return [Said(Product(_as_written(turn, at + match.start("np"), at + match.end("np"))), turn.quote(at, at + len(words)), at)]


_REPLIES = frozenset(
    in_words(
        "yes yep yeah no nope ok okay sure fine dunno idk whatever maybe none nothing anything everything hello hi "
        "thanks good great cool later help what why how stop cancel right exactly correct wrong hmm "
    )
) | {
    "you decide",
    "no idea",
    "up to you",
    "sounds good",
    "go ahead",
    "not sure",
    "do it",
    "thank you",
    "your call",
    "as you like",
    "looks good",
}


def _sold(turn: Turn) -> list[Said[Product]]:
    heard: list[Said[Product]] = []
    for match in turn.found(_SOLD):
        first, last = _trimmed(turn, match)
        name = None if _is_nothing(turn.rest[first:last]) else _as_written(turn, first, last)
        count = float(to_number(match["n"], magnitude=match["mag"] or "").quantize(Decimal("0.01"))) if match["n"] else None
        is_metric = name is not None and re.fullmatch(METRIC, turn.rest[first:last])
        if not is_metric:
            heard.append(Said(Product(name, count, is_sold=True), turn.quote(match.start(), last), match.start()))
            turn.take(match.start(), last)
    if not heard:
        heard += [turn.said(Product(None, is_sold=True), m.start(), m.end()) for m in turn.found(_SELL_ALONE)]
    return heard


def _named(turn: Turn, pattern: re.Pattern[str]) -> list[Said[Product]]:
    for match in pattern.finditer(turn.rest):
        first, last = _trimmed(turn, match)
        phrase = turn.rest[first:last]
        if pattern is _OF_METRIC:
            words = phrase.split()
            while words and (words[-1] not in GOODS and len(words) > 1 and words[0] in _NOT_NAMES):
                words = words[1:]
            if not words or any(word in _NOT_NAMES for word in words):
                kept = _after_last_stop(phrase)
                words = kept.split()
            first = last - len(" ".join(words))
            phrase = turn.rest[first:last]
        if pattern is _BOOST and _HAS_METRIC.search(phrase):
            continue
        if phrase and not _is_nothing(phrase) and not _is_metric(phrase):
            turn.hear(*match.span())
            return [Said(Product(_as_written(turn, first, last)), turn.quote(first, last), first)]
    return []


def _after_last_stop(phrase: str) -> str:
    kept: list[str] = []
    for word in reversed(phrase.split()):
        if word in _NOT_NAMES:
            break
        kept.insert(0, word)
    return " ".join(kept)


def _trimmed(turn: Turn, match: Match[str]) -> tuple[int, int]:
    first, last = match.span("np")
    while edge := _EDGE.search(turn.rest[first:last]):
        first, last = (first + edge.end(), last) if edge.start() == 0 else (first, first + edge.start())
    return first, last


def _is_metric(phrase: str) -> bool:
    return re.fullmatch(rf"(?:more |new |repeat |total |our |the |online |web |store ){{0,6}}(?:{METRIC})", phrase) is not None


def _is_nothing(phrase: str) -> bool:
    """Whether the words name no product: the whole shop, a number, a filler."""
    words = phrase.split()
    return (
        not words
        or all(word in _NOT_NAMES or _WHOLE_SHOP.fullmatch(word) for word in words)
        or _WHOLE_SHOP.fullmatch(phrase) is not None
    )


def _as_written(turn: Turn, first: int, last: int) -> str:
    written = turn.quote(first, last)
    return written.lower() if written.isupper() else written
