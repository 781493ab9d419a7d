"""The words of a text: what a model may read of each, and which are never changed."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fairseq_asr_correct.written.capitals import in_capitals, regular, shouted
from fairseq_asr_correct.written.marks import APOSTROPHES, TAG, are_letters, outer_marks

QUOTES = {"\u2018": "\u2019", "'": "'"}
SIGNS = frozenset("@#+=/\\_&$\u20ac\u00a3\u00a5%\u00b0~^|")  # beside a word they make it a name, an amount, an address
MOST_SAID = 8  # words in one that is never changed; addresses that are longer are not read
TYPEWRITTEN = dict.fromkeys(map(ord, APOSTROPHES), "'")
LONGEST_TAG = 100  # letters; what is longer is text in brackets
LABEL_WORDS = 3  # at most, in the name of a speaker before a text


class WrittenWord(NamedTuple):
    """A word between white space. Its text is ``before + core + after``."""

    before: str  #: marks
    core: str  #: empty if there are only marks
    after: str  #: marks
    said: tuple[str, ...]  #: what a model may read; one word if the core may change, and none of what is not spoken
    fixed: bool  #: whether the core is never changed

    @property
    def text(self) -> str:
        """The word as it is written."""
        return self.before + self.core + self.after

    @property
    def plain(self) -> bool:
        """Whether a model reads exactly what is written, and may change it."""
        return self.said == (self.core,) and not (
            self.before or self.after or self.fixed or self.core != self.core.lower()
        )


def written_words(text: str) -> list[WrittenWord]:
    """The words of a text, in order."""
    words = [_word(one) for one in text.split()]
    if text.isascii() and text.islower() and not ("<" in text or "[" in text or "{" in text):
        return words
    words = list(_unquoted(words))
    silent = {*_label(words), *_in_tags(words)}
    loud = shouted([word.core for word in words])
    for number, word in enumerate(words):
        if number in silent:
            words[number] = word._replace(said=(), fixed=True)
        elif not loud and _is_acronym(words, number):
            words[number] = word._replace(fixed=True)
    return words


def _word(word: str) -> WrittenWord:
    if word.isascii() and word.isalpha():  # most words
        return WrittenWord("", word, "", (word,), not regular(word))
    before, core, after = outer_marks(word)
    signs = not SIGNS.isdisjoint(TAG.sub("", before + after))
    if core and not signs and are_letters(core):
        return WrittenWord(before, core, after, (core.translate(TYPEWRITTEN),), not regular(core))
    return WrittenWord(before, core, after, _said(core), True)


def _said(core: str) -> tuple[str, ...]:
    """The words in a core that is more than letters: of "twenty-one" both, and none of a speaker's label."""
    if "_" in core:
        return ()
    shown = "".join(letter for letter in core if unicodedata.category(letter) != "Cf")  # nobody sees these
    found = "".join(one if one in APOSTROPHES or unicodedata.category(one)[0] in "LMN" else " " for one in shown)
    said = tuple(found.translate(TYPEWRITTEN).split())
    return said if len(said) <= MOST_SAID else ()


def _unquoted(words: Iterable[WrittenWord]) -> Iterator[WrittenWord]:
    """The words, with what closes a quote in single marks among the marks behind a word, and not as its apostrophe."""
    closing = ""
    for word in words:
        closing = QUOTES.get(word.before[-1:], closing)
        if closing and closing in word.after:
            closing = ""
        elif closing and word.core.endswith(closing):
            core, closing = word.core[:-1], ""
            word = _word(word.before + core)._replace(after=word.text[len(word.before + core) :])
        yield word


def _label(words: Sequence[WrittenWord]) -> Iterator[int]:
    """The words of a speaker's name before a text: "SPEAKER_01:", "Dr. Smith:"."""
    for number, word in enumerate(words[:LABEL_WORDS]):
        if word.core and not (word.core[0].isupper() or word.core[0].isdigit()):
            return
        if word.after == ":":
            yield from range(number + 1)
            return


def _in_tags(words: Sequence[WrittenWord]) -> Iterator[int]:
    """The words of tags that have several: "[MUSIC PLAYING]"."""
    text = " ".join(word.text for word in words)
    if not any(bracket in text for bracket in "<[{"):
        return
    number = counted = 0
    for tag in TAG.finditer(text):
        number, counted = number + text.count(" ", counted, tag.start()), tag.start()
        if len(tag[0]) <= LONGEST_TAG and " " in tag[0] and tag[0][1] != " " != tag[0][-2]:
            yield from range(number, number + tag[0].count(" ") + 1)


def _is_acronym(words: Sequence[WrittenWord], number: int) -> bool:
    """Whether a word in capitals stands alone among others: "NASA", but not "NO WAY"."""
    around = [words[i].core for i in (number - 1, number + 1) if 0 <= i < len(words)]
    return in_capitals(words[number].core) and not any(map(in_capitals, around))
