"""Shorthand, contractions and slips of the keyboard become the words the listeners know."""

from __future__ import annotations


def in_words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


SHORT = {
    "pls": "please",
    "plz": "please",
    "plse": "please",
    "frm": "from",
    "ppl": "people",
    "em": "them",
    "peeps": "people",
    "folks": "people",
    "abt": "about",
    "wks": "weeks",
    "wk": "week",
    "weks": "weeks",
    "mths": "months",
    "mnths": "months",
    "mth": "month",
    "mnth": "month",
    "yr": "year",
    "yrs": "years",
    "dys": "days",
    "xmas": "christmas",
    "chrimbo": "christmas",
    "b4": "before",
    "til": "until",
    "till": "until",
    "untill": "until",
    "untl": "until",
    "thru": "through",
    "wo": "without",
    "u": "you",
    "ur": "your",
    "n": "and",
    "msgs": "messages",
    "msg": "message",
    "txt": "text",
    "txts": "texts",
    "custs": "customers",
    "costumers": "customers",
    "rev": "revenue",
    "thx": "thanks",
    "thnx": "thanks",
    "tnx": "thanks",
    "cheers": "thanks",
    "ta": "thanks",
    "wanna": "want to",
    "gotta": "have to",
    "gonna": "going to",
    "pts": "points",
    "pt": "point",
    "pct": "percent",
    "prct": "percent",
    "bdgt": "budget",
    "avg": "average",
    "gm": "gross margin",
    "qtr": "quarter",
    "eoy": "end of year",
    "eom": "end of month",
    "eoq": "end of quarter",
    "eow": "end of week",
    "bfcm": "cyber monday",
    "nye": "new year's eve",
    "teh": "the",
    "adn": "and",
    "tho": "though",
    "cannot": "can not",
    "xcept": "except",
    "excl": "exclude",
    "max.": "max",
    "min.": "min",
    "approx": "about",
    "poss": "possible",
    "nowt": "nothing",
    "owt": "anything",
    "valentines": "valentine's",
    "sth": "something",
    "smth": "something",
    "tmrw": "tomorrow",
    "tomorow": "tomorrow",
    "2nite": "tonight",
    "2moro": "tomorrow",
    "wknd": "weekend",
    "biz": "business",
    "mnt": "month",
    "bucs": "bucks",
    "emial": "email",
    "emials": "emails",
    "emal": "email",
    "slaes": "sales",
    "saels": "sales",
    "monht": "month",
    "chrun": "churn",
    "lable": "label",
    "eruo": "euro",
    "eruos": "euros",
}
_NOT = {
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "cant": "can not",
    "wont": "will not",
    "isnt": "is not",
    "arent": "are not",
    "wasnt": "was not",
    "havent": "have not",
    "hasnt": "has not",
    "hadnt": "had not",
    "shouldnt": "should not",
    "wouldnt": "would not",
    "mustnt": "must not",
    "can't": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "we've": "we have",
    "weve": "we have",
    "i've": "i have",
    "ive": "i have",
    "you've": "you have",
    "we're": "we are",
    "i'd": "i would",
    "we'd": "we would",
    "who've": "who have",
    "vip's": "vips",
    "let's": "let us",
    "lets": "let us",
}
_CORRECT = in_words(
    "increase increasing decrease revenue budget margin margins discount discounts discounted customers customer "
    "orders visits traffic newsletter subscribers subscriptions unsubscribes exclude excluding without maximum "
    "minimum months between before during quarter percent percentage thousand million dollars christmas november "
    "december october september august january february halloween thanksgiving contact messages people lapsed "
    "inactive purchased bought average product products repeat reactivate reduce improve friday monday tuesday "
    "wednesday thursday saturday sunday  incremental turnover channels channel weekly "
    "fortnight coupons voucher vouchers purchases purchase acquire generate marketing except points dollar profit "
    "target direct notifications social facebook instagram campaign second "
)
_REAL_WORDS = frozenset(
    in_words(
        "borders martin contract contracts contacts contacted massage massages repeats deduce produce products visitor "
        "visitors customs custom repeal marvin margarine prefect perfect reduced reduces improved improves increased "
        "increases monthly orderly ordered quarters quarterly budgets pointy points product dollars collars percents "
        "sundays mondays fridays except expect expects accept target targets targeted campaigns campaign coupon social "
        "socials seconds profits prophet charge chart private average averages bought brought thought august augusta "
        "purchaser purchased purchase lapses excluded excludes included include includes improver decreased paints prints pints mouths moths lapped weakly repent "
    )
)
_FIVE_LETTERS = ("sales", "month", "weeks", "email", "churn", "spend", "leads", "euros", "visit", "order")
_SHORTEST, _LONGEST = 6, 16


def _deletes(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))} | {word}


_BY_DELETE: dict[str, list[str]] = {}
for _word in _CORRECT:
    for _form in _deletes(_word):
        _BY_DELETE.setdefault(_form, []).append(_word)
_SWAPPED = {
    word[:i] + word[i + 1] + word[i] + word[i + 2 :]: word
    for word in _FIVE_LETTERS
    for i in range(1, 4)
    if word[i] != word[i + 1]
}


def in_full(word: str) -> str | None:
    """The word or words a lower-case token stands for, or None when it stands for itself."""
    if word in SHORT:
        return SHORT[word]
    if word in _NOT:
        return _NOT[word]
    if word.endswith("n't"):
        return word[:-3] + " not"
    return _SWAPPED.get(word) or _corrected(word)


def _corrected(word: str) -> str | None:
    """The known word one slip away (one letter more, less, other, or two swapped) that starts with the same letter."""
    if not (_SHORTEST - 1 <= len(word) <= _LONGEST) or word in _REAL_WORDS or word in _CORRECT or not word.isalpha():
        return None
    near = {known for form in _deletes(word) for known in _BY_DELETE.get(form, ())}
    close = sorted(known for known in near if known[0] == word[0] and len(known) >= _SHORTEST and _one_slip(word, known))
    return close[0] if close else None


def _one_slip(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1 or a.rstrip("s") == b.rstrip("s"):
        return False
    if len(a) != len(b):
        short, long = sorted((a, b), key=len)
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    differ = [i for i in range(len(a)) if a[i] != b[i]]
    if len(differ) == 1:
        return True
    return len(differ) == 2 and differ[1] == differ[0] + 1 and a[differ[0]] == b[differ[1]] and a[differ[1]] == b[differ[0]]
