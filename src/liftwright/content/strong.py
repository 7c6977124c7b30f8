"""Words that claim something: superlatives and promises, deadlines, scarcity, endorsements. English only; docs/claims.md says so.

Each pattern is looked for in a text as a reader sees it (`seen`), after everything that is proven was taken out.
"""

from __future__ import annotations

import re

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_NO_SUPERLATIVE = (
    "latest|newest|nearest|west|rest|test|guest|request|interest|forest|honest|modest|harvest|invest|suggest|contest|chest|nest|vest|arrest|"
    "protest|digest|manifest|quest|pest|zest|crest|breast|conquest|tempest|southwest|northwest|midwest|budapest|everest|priest|next"
)
STRONG = re.compile(
    rf"(?<!\w)(?:best|(?!(?:{_NO_SUPERLATIVE})\b)[a-z]{{3,}}est|most \w+|least \w+|"
    r"no\.? ?1|# ?1|number (?:one|1)|leading|world[- ]class|un(?:beatable|matched|rivalled|rivaled|paralleled|equalled|surpassed)|"
    r"second to none|nothing (?:beats|compares|else)|no other|every other|any other|than (?:any|every|all|ever)|better than|(?:more|less|\w{3,}er) \w* ?than|"
    r"(?:more|less) \w+ than|outlasts?|outperforms?|\w+'s favou?rite|favou?rite of|in the world|on earth|on the market|ever (?:made|seen|owned|built)|of all time|in class|"
    r"perfect|premium|award[- ]?winning|award|prize|winner|guarantee[ds]?|proven|proves?|certified|approved|tested|licensed|patented|"
    r"clinical(?:ly)?|scientific(?:ally)?|doctors?|physicians?|experts?|only (?:one|brand|shop|\w+ you)|always|never|ever again|"
    r"free|nothing to pay|for nothing|at cost|risk[- ]free|cures?|heals?|prevents?|relieves?|pain|hypoallergenic|anti-?bacterial|"
    r"eco[- ]?friendly|sustainabl[ey]|(?:climate|carbon)[- ]?neutral|organic|green(?:er|est)?|recycled|biodegradable|plastic|vegan|"
    r"waterproof|shockproof|unbreakable|lifetime|eternity|forever|twice|double[ds]?|triple[ds]?|hal(?:f|ves)|thirds?|quarters?|fifths?|tenths?|"
    r"most popular|bestsell(?:er|ing)s?|dozens?|hundreds?|thousands?|millions?|save \w* ?money|cheap(?:er|est)?|(?:low|high)er price|value of|worth (?:\S*\d)|"
    r"limited edition|everybody's darling|original price)(?!\w)",
    re.IGNORECASE,
)
DEADLINE = re.compile(
    rf"(?<!\w)(?:tonight|today only|only today|tomorrow|midnight|this (?:week|weekend|month|{_DAYS})|end of (?:the )?(?:day|week|month|year)|ends? (?:soon|today)|"
    rf"(?:until|till|by|through|before|ends?(?: on)?|only on|on) (?:{_DAYS}|christmas|easter|black friday|cyber monday|new year'?s?|thanksgiving|valentine'?s?|today)|"
    rf"(?:until|till|through|all of|whole of|by|before) (?:the end of )?(?:{_MONTHS})|clock is ticking|last day|last chance|final (?:day|hours?)|hours? to go|expires?|"
    r"new year'?s eve|christmas eve)(?!\w)",
    re.IGNORECASE,
)
SCARCE = re.compile(
    r"(?<!\w)(?:(?:almost|nearly|soon|virtually|as good as) (?:gone|sold out|out of stock)|sold out soon|out of stock|selling (?:fast|quickly|out)|(?:while|until) (?:stocks?|supplies) lasts?|"
    r"last (?:one|ones|pieces|items|pairs|few|call|units|size)|(?:few|couple|handful) (?:are )?left|only a (?:few|handful|couple)|final (?:pieces|handful|items|pairs|units)|"
    r"limited (?:stock|supply|quantit\w+)|low (?:in )?stock|low on stock|running (?:out|low)|dwindl\w+|going (?:fast|quickly|soon)|going,? going|hurry|"
    r"(?:people|customers|others) (?:are|is|have) (?:looking|viewing|watching|it in)|in (?:their|\w+) (?:basket|cart)s?|back in stock with)(?!\w)",
    re.IGNORECASE,
)
_PEOPLE = (
    "customers?|buyers?|hikers?|runners?|designers?|chefs?|doctors?|experts?|professionals?|critics?|guests?|people|everyone|everybody|reviewers?|users?|"
    "shoppers|parents|athletes|fans|members|readers|owners|celebrities"
)
_LIKING = (
    "loves?|loved|likes?|says?|said|agrees?|chooses?|chose|swears?|calls?|called|gives?|gave|recommends?|recommended|trusts?|trusted|prefers?|adores?|raves?|writes?|wrote|"
    "are (?:thrilled|talking|raving)|is (?:talking|raving)|wears?|uses?"
)
ENDORSED = re.compile(
    rf"(?:★|☆|⭐)|(?<!\w)(?:(?:our |verified |happy |satisfied )*(?:{_PEOPLE})(?: \w+)? (?:{_LIKING})|(?:says?|said|writes?|wrote) (?:a |our |one )?(?:happy |verified )?(?:{_PEOPLE})|"
    rf"(?:loved|trusted|approved|recommended|reviewed|chosen|worn|used|voted|praised) (?:and \w+ )?by|top[- ]rated|highly rated|rated|stars?|reviews? all|happy customers|"
    r"out of \d+|voted|winner of|as seen (?:on|in)|featured in|bestsellers?|everyone is talking|is talking about)(?!\w)",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"(?:[\"'”»“]\s*[,.]?\s*(?:[-–—(,]|says|said|writes|wrote)\s*(?:the\s+)?[A-Z][\w.]*)"
    r"|(?:\b[A-Z]\w+ [A-Z]\w+ (?:wears|uses|loves|chooses|swears by|recommends)\b)|(?:\b(?:says|said|writes) [A-Z][a-z]+)"
)
"""Somebody by name who is said to have said or done something."""


def claims(text: str) -> bool:
    """Whether any of it is there."""
    return any(pattern.search(text) for pattern in (STRONG, DEADLINE, SCARCE, ENDORSED))
