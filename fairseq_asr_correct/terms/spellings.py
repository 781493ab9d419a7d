"""Fixed spellings: replacements that always hold, such as "CAPEX" wherever "cap x" or "copics" was written."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.term import APOSTROPHES, POSSESSIVE

MOST_FORMS = 1_000_000
MOST_WORDS = 10  # in a text that is replaced: it bounds the time of a text that a stranger sends
WORD = re.compile(r"\S+")
SAME_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


class Bare(NamedTuple):
    """A word or stretch between its outer marks."""

    left: str  #: the marks before it
    core: str  #: from its first letter or digit to its last; a word of marks alone is all core
    right: str  #: the marks behind it


class Replacement(NamedTuple):
    """A stretch of a text that is spelled otherwise."""

    start: int  #: its first word, from 0
    end: int  #: the word behind its last
    letters: tuple[int, int]  #: where it begins and ends in the text
    after: str  #: what takes its place, with the outer marks of the stretch


class _Form(NamedTuple):
    """How one of the replaced texts is found, and what is written for it."""

    left: str
    right: str
    written: str


class Spellings:
    """Replacements that always hold.

    A replaced text is one or more whole words: white space separates words, and the marks around them, such as
    quotation marks, commas and a possessive ``'s``, stay. Case does not count. At each word the longest text is taken,
    from left to right, and what is written is not replaced again.

    Args:
        replaced: for each text as it should be written, the texts that it replaces.

    Raises:
        TypeError: something in it is not text.
        UserError: a text is empty or has a control character, one text would be replaced by two others, a replaced
            text has more than ``MOST_WORDS``, or there are more than ``MOST_FORMS`` of them.
    """

    def __init__(self, replaced: "Mapping[str, Iterable[str]] | Iterable[tuple[str, Iterable[str]]]" = ()) -> None:
        self._forms: dict[str, list[_Form]] = {}  # by the core, which is compared without case
        self._lengths: dict[str, tuple[int, ...]] = {}  # by the core of the first word: in words, the longest first
        self._others: Spellings | None = None  # those that hold where these say nothing
        pairs = replaced.items() if isinstance(replaced, Mapping) else replaced
        self._count = 0
        for written, texts in pairs:
            if isinstance(texts, str):
                raise TypeError(f"{written!r} replaces a single text: give a list of texts")
            for text in texts:
                self._add(_clean(written), _clean(text))

    @classmethod
    def of(cls, spellings: "Spellings | Mapping[str, Iterable[str]] | None") -> "Spellings":
        """The spellings themselves, or those of a mapping."""
        return spellings if isinstance(spellings, Spellings) else cls(spellings or {})

    @classmethod
    def read(cls, path: Path | str) -> "Spellings":
        """Reads a file of YAML, JSON or CSV; see :mod:`.spelling_files`.

        Raises:
            UserError: it cannot be read, or has something other than spellings; the place is named.
        """
        from fairseq_asr_correct.terms.spelling_files import read_spellings  # which loads YAML

        pairs = read_spellings(Path(path))
        try:
            return cls(pairs)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def over(self, others: "Spellings") -> "Spellings":
        """These, and where they say nothing the others."""
        both = Spellings()
        both._forms, both._lengths, both._count = self._forms, self._lengths, self._count
        both._others = others
        return both

    def __len__(self) -> int:
        """How many texts are replaced."""
        return self._count + (len(self._others) if self._others else 0)

    def apply(self, text: str) -> str:
        """The text with all replacements; everything else in it stays to the letter."""
        parts, end = [], 0
        for one in self.find(text):
            first, last = one.letters
            parts += [text[end:first], one.after]
            end = last
        return "".join((*parts, text[end:])) if parts else text

    def find(self, text: str) -> Iterator[Replacement]:
        """The replacements in a text, from left to right; those that change nothing are left out."""
        words = [(match[0], match.start(), match.end()) for match in WORD.finditer(text)] if len(self) else []
        keys = [_folded(bare(word).core) for word, _, _ in words]
        at = 0
        while at < len(words):
            length, after = self._longest(text, words, keys, at)
            if length:
                letters = words[at][1], words[at + length - 1][2]
                if after != text[slice(*letters)]:
                    yield Replacement(at, at + length, letters, after)
            at += length or 1

    def _longest(self, text: str, words: list[tuple[str, int, int]], keys: list[str], at: int) -> tuple[int, str]:
        """How many words are replaced from here, and by what; 0 if none."""
        lengths = {length for some in self._all() for length in some._lengths.get(keys[at], ())}
        if keys[at].endswith("'s"):
            lengths |= {length for some in self._all() for length in some._lengths.get(keys[at][:-2], ())}
        for length in sorted(lengths, reverse=True):
            if at + length <= len(words):
                stretch = " ".join(word for word, _, _ in words[at : at + length])
                for some in self._all():
                    after = some._written(stretch)
                    if after is not None:
                        return length, after
        return 0, ""

    def _all(self) -> "Iterator[Spellings]":
        some: Spellings | None = self
        while some is not None:
            yield some
            some = some._others

    def _written(self, stretch: str) -> str | None:
        """What is written for a stretch of words, with its outer marks; None if it is not replaced."""
        left, core, right = bare(stretch)
        for behind in ("", *POSSESSIVE.findall(core)):
            folded = _folded(core.removesuffix(behind))
            for form in self._forms.get(folded, ()):
                if left.endswith(form.left) and (behind + right).startswith(form.right):
                    return left.removesuffix(form.left) + form.written + (behind + right).removeprefix(form.right)
        return None

    def _add(self, written: str, text: str) -> None:
        self._count += 1
        if self._count > MOST_FORMS:
            raise UserError(f"there are more than {MOST_FORMS:,} spellings: give fewer")
        words = text.split()
        if len(words) > MOST_WORDS:
            raise UserError(f"{text!r:.80} has more than {MOST_WORDS} words: give a part of it")
        left, core, right = bare(text)
        forms = self._forms.setdefault(_folded(core), [])
        for form in forms:
            if (form.left, form.right) == (left, right):
                if form.written != written:
                    raise UserError(
                        f"{text!r} would be replaced by {form.written!r} and by {written!r}: leave one of them out"
                    )
                self._count -= 1
                return
        forms.append(_Form(left, right, written))
        forms.sort(key=lambda form: -len(form.left + form.right))  # "st." before "st"
        first = _folded(bare(words[0]).core)
        lengths = {*self._lengths.get(first, ()), len(words)}
        self._lengths[first] = tuple(sorted(lengths, reverse=True))


def bare(text: str) -> Bare:
    """Words, single spaces between them, without the marks before the first and behind the last.

    Letters and digits are no marks, nor is what is written above or below them.
    """
    if text.isalnum():
        return Bare("", text, "")
    left = _marks_before(text.partition(" ")[0])
    right = _marks_behind(text.rpartition(" ")[2])
    return Bare(text[:left], text[left : len(text) - right], text[len(text) - right :])


def _marks_before(word: str) -> int:
    return next((at for at, letter in enumerate(word) if letter.isalnum()), 0)


def _marks_behind(word: str) -> int:
    last = next((at for at in range(len(word) - 1, -1, -1) if word[at].isalnum()), len(word) - 1)
    while last + 1 < len(word) and unicodedata.category(word[last + 1]).startswith("M"):
        last += 1
    return len(word) - last - 1


@lru_cache(maxsize=1 << 16)
def _folded(core: str) -> str:
    """A core as it is compared: without case, and with one kind of apostrophe."""
    if core.isascii():
        return core.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", core).casefold()).translate(SAME_APOSTROPHE)


def _clean(text: str) -> str:
    """The text with single spaces."""
    if not isinstance(text, str):
        raise TypeError(f"a spelling is of type {type(text).__name__}: give text")
    if wrong := next(
        (letter for letter in text if unicodedata.category(letter) == "Cc" and letter not in "\t\n"), None
    ):
        raise UserError(f"the spelling {text!r:.80} has a control character ({wrong!r}): remove it")
    if not (words := text.split()):
        raise UserError("a spelling is empty: remove it, or give what it replaces")
    return " ".join(words)
