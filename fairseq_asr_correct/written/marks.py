"""A word's core and the marks around it: of ``(Boys',`` they are ``Boys'``, ``(`` and ``,``."""

import re
import unicodedata

APOSTROPHES = "'\u2019\u02bc"
TAG = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}")  # <i>, [MUSIC], {\an8}
COMMAS = ",;:"  # marks that may go with the word that has them
PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "\u201c": "\u201d", "\u2018": "\u2019", "\u201e": "\u201c",
         "\u00ab": "\u00bb", "\u00bb": "\u00ab", "*": "*", "\u266a": "\u266a"}  # fmt: skip
ELIDED = frozenset(["tis", "twas", "twere", "twill", "em", "cause", "til", "till", "bout", "round", "n"])
ABBREVIATIONS = frozenset(
    ["mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "rev", "gen", "col", "lt", "sgt", "capt", "vs", "etc", "no"]
)
_ENDS = re.compile(r"[.?!\u2026\u3002\uff1f\uff01][^\w\s]*$").search  # quotes may follow the mark


def outer_marks(word: str) -> tuple[str, str, str]:
    """The marks before a word, its core, and the marks behind it; joined, they are the word.

    A tag is a mark. An apostrophe beside a letter belongs to the core, unless there is one at both ends or a capital
    behind it. A word that is all marks has an empty core.
    """
    shown = TAG.sub(lambda tag: " " * len(tag[0]), word) if any(bracket in word for bracket in "<[{") else word
    start, end = 0, len(word)
    while start < end and not (_is_letter(shown[start]) or _is_apostrophe(shown, start, start + 1)):
        start += 1
    while start < end and not (_is_letter(shown[end - 1]) or _is_apostrophe(shown, end - 1, end - 2)):
        end -= 1
    quoted = start < end and word[start] in APOSTROPHES and word[start + 1].isupper()
    if quoted and word[start + 1 : end].lower() not in ELIDED:  # 'Tis has lost a letter
        start += 1
    while start < end and word[start] in APOSTROPHES and word[end - 1] in APOSTROPHES:
        start, end = start + 1, max(start + 1, end - 1)
    if word[:start].endswith("\u2018") and word[end - 1 : end] == "\u2019":
        end -= 1
    return (word, "", "") if start == end and not word[end:] else (word[:start], word[start:end], word[end:])


def _is_letter(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LMN" and letter not in APOSTROPHES


def _is_apostrophe(word: str, place: int, beside: int) -> bool:
    """Whether an apostrophe stands beside a letter."""
    return word[place] in APOSTROPHES and 0 <= beside < len(word) and _is_letter(word[beside])


def are_letters(core: str) -> bool:
    """Whether there is nothing in it but letters, what combines with them, and apostrophes."""
    return core.isalpha() or all(one in APOSTROPHES or unicodedata.category(one)[0] in "LM" for one in core)


def ends_sentence(core: str, after: str) -> bool:
    """Whether a word ends a sentence: by its marks, unless it is an abbreviation, such as "Dr.", "e.g." or "J."."""
    if not _ENDS(after):
        return False
    initial = len(core) == 1 and core.isupper() and core != "I"
    return not after.startswith(".") or not (initial or "." in core or core.lower() in ABBREVIATIONS)


def without_pairs(opening: str, closing: str) -> tuple[str, str]:
    """The marks before and behind some words, without the quotes and brackets that enclose these words alone."""
    while opening and PAIRS.get(opening[-1], "") in closing and opening[-1] in PAIRS:
        mark = PAIRS[opening[-1]]
        opening, closing = opening[:-1], closing.replace(mark, "", 1)
    return opening, closing
