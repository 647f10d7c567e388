"""Words as the Stanford PTBTokenizer and the COCO evaluation make them of captions."""

from __future__ import annotations

import html
import re

_WITH_POINT = (
    "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu|thurs|fri|"
    "ala|ariz|calif|colo|conn|dak|fla|ga|ind|kans?|ky|md|mich|minn|mo|mont|neb|nev|okla|penn|tenn|va|vt|wisc?|wyo|"
    "inc|cos?|corp|ltd|plc|rt|bancorp|dept|bhd|assn|assoc|univ|intl|sys|pty|ptys|bldg|jr|sr|bros|esq|"
    "adm|asst|atty|cmdr|col|cpl|capt|drs?|gen|gov|hon|lt|maj|mr|mrs|ms|messrs|profs?|pres|reps?|rev|sens?|sgt|ste?|supt|"
    "spc|pvt|pfc|ave|blvd|rd|sq|ct|ft|mt|etc|al|seq|est|vs|tel|ext|cf|ph|ph\\.d|ed\\.d"
)
_WITH_POINT_AS_NAME = "Ark|Del|Ill|La|Mass|Miss|Ore|Pa|Tex|Wash"
_WITH_POINT_BEFORE_NUMBER = "nos?|prop|pp|figs?|ca|op|art"
_WHOLE = "ma'am|s'mores|c'mon|e'er|ne'er|hallowe'en|you'all|ol'|dunkin'|somethin'"
_WORD = re.compile(
    rf"""
      https?://[^\s"<>]*[^\s"<>.,;:!?)]                           # an address
    | (?i:{_WITH_POINT}|(?-i:{_WITH_POINT_AS_NAME})|[a-z](?:\.[a-z])*)\.(?:-\w+|(?![^\W\d]))  # Mr.  U.S.  p.m.
    | (?i:{_WITH_POINT_BEFORE_NUMBER})\.(?=\s*\d)
    | (?i:can(?=not\b)|gon(?=na\b)|got(?=ta\b)|wan(?=na\b)|lem(?=me\b)|gim(?=me\b)|'t(?=(?:is|was)\b))
    | (?i:n't\w*|'(?:s|m|d|re|ve|ll)\b|'(?:em|till?|cause)\b|'n(?:'|(?!\w)))
    | '\d\ds?\b                                                # '90s
    | (?i:\b(?:{_WHOLE})(?!\w)|[dlo]'\w\w+|[dljy]'(?=\w))        # o'clock  y' all
    | \w+(?=(?i:n't|'n\b))                                      # the do of don't, the rock of rock'n'roll
    | [A-Z]+(?:[&+][A-Z]+)+                                     # AT&T
    | \d+(?::\d+)+                                              # 10:30
    | [\#@][a-zA-Z]\w*
    | (?:(?<!\S)[-+.,](?=\d))?\w+(?:(?:[-/@]|(?<=[^\W\d])\.(?=[^\W\d])|(?<=\d)[.,](?=\d))\w+)*
    | [!?]+
    | [^\w\s]
    """,
    re.VERBOSE,
)
_CHARACTERS = str.maketrans({"’": "'", "½": " 1/2 ", "¼": " 1/4 ", "¾": " 3/4 "})
_RENAMED = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_RENAMED |= {"£": "#", "€": "$", "¢": "cents"}
_LEFT_OUT = frozenset("'`.?!,:-;\"“”‘’«»…–—")


def caption_words(text: str) -> list[str]:
    """The words of a caption for scoring: lower case, clitics apart, without single punctuation marks.

    The COCO evaluation runs the Stanford PTBTokenizer (Java, version 3.4.1) and drops punctuation. These are its rules
    for what occurs in captions: `don't` is `do n't`, `man's` is `man 's`, `cannot` is `can not`; hyphenated words,
    numbers, times and `o'clock` stay whole; abbreviations keep their point; brackets are kept as `-lrb-`, since the
    evaluation looks for them in capitals; `!!` is kept, `!` is not.

    Deviations: emoticons, telephone numbers in brackets and tags (`<b>`) are split into their characters here. The
    40,201 different captions of Flickr8k and the 32,004 of Multi30k (English) are all split as there.

    >>> caption_words("A man's T-shirt doesn't match (it is red).")
    ['a', 'man', "'s", 't-shirt', 'does', "n't", 'match', '-lrb-', 'it', 'is', 'red', '-rrb-']
    """
    words = (_RENAMED.get(word, word.lower()) for word in _WORD.findall(html.unescape(text).translate(_CHARACTERS)))
    return [word for word in words if word not in _LEFT_OUT]
