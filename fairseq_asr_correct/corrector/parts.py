"""Cuts texts into parts that a model of word pieces can read, and joins them again."""

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairseq_asr_correct.corrector.vocabularies import Vocabulary
from fairseq_asr_correct.tokens.dictionaries import AnyDictionary
from fairseq_asr_correct.written.cores import WrittenWord, written_words
from fairseq_asr_correct.written.marks import APOSTROPHES
from fairseq_asr_correct.written.putting_back import Wording
from fairseq_asr_correct.written.styles import Style


class Part(NamedTuple):
    """Some words of a text, which are corrected separately."""

    text: str
    tokens: list[int]  #: the word pieces that the model reads; empty if the words stay as they are
    wording: Wording | None = None  #: how they are written; None if the model reads exactly ``text``

    def heard(self, sure: Sequence[float]) -> list[float]:
        """How sure a recognizer is of each word that the model reads, from that for each word of the text."""
        return [sure[owner] for owner in self.wording.owners] if self.wording else list(sure)


class Read(NamedTuple):
    """A word of a text, and what the model reads of it."""

    word: WrittenWord
    pieces: list[list[int]]  #: the tokens of each word that it reads; none of what it cannot read


class Cutter:
    """Cuts texts into parts.

    Args:
        dictionary: the model's.
        longest: the most tokens that the model reads at once, without the end of the sentence.
        plain: read words exactly as they are. Those that the dictionary cannot spell stay, and so do words with any
            mark but an apostrophe if the vocabulary has no capitals. The texts before and after are cut off from each
            other.

    Raises:
        UserError: the dictionary has SentencePiece's pieces.
    """

    def __init__(self, dictionary: AnyDictionary, longest: int, plain: bool = False) -> None:
        self._vocabulary = Vocabulary(dictionary)
        self.english = self._vocabulary.english  #: whether it is the vocabulary of an English model
        self._longest = longest
        self._plain = plain

    def cut(self, text: str) -> Iterator[Part]:
        """The parts of a text; :func:`join` gives the text back, with single spaces.

        A part has as many words as the model reads at once, or words of which it can read none.
        """
        return self._cut_plain(text) if self._plain else self._cut_written(text)

    def _cut_written(self, text: str) -> Iterator[Part]:
        words = written_words(text)
        plain = all(word.plain for word in words)
        style = Style.of(words, self._vocabulary.english)
        read = [self._read(word, style.loud) for word in words]
        plain = plain and all(len(one.pieces) == 1 and not one.word.fixed for one in read)
        begins = True
        for some in self._short_enough(read) if read else ():
            tokens = _tokens(some)
            wording = None
            if not plain:
                owners = tuple(number for number, one in enumerate(some) for _ in one.pieces)
                wording = Wording(tuple(one.word for one in some), owners, begins, style)
                begins = wording.ends
            yield Part(" ".join(one.word.text for one in some), tokens, wording)

    def _read(self, word: WrittenWord, loud: bool) -> Read:
        """What the model reads of a word: its core, or what can be spelled of it if it is never changed."""
        if not word.said:
            return Read(word, [])
        said = [self._vocabulary.in_its_case(one, loud) for one in word.said]
        pieces = [self._vocabulary.spell(one) for one in said]
        if word.fixed or not (pieces[0] and self._vocabulary.knows_script(said[0])):
            word = word._replace(fixed=True)
            pieces = [one or self._vocabulary.spell(_bare(text)) for one, text in zip(pieces, said, strict=True)]
        return Read(word, pieces if all(pieces) and sum(map(len, pieces)) <= self._longest else [])

    def _cut_plain(self, text: str) -> Iterator[Part]:
        for known, group in itertools.groupby(map(self._read_plainly, text.split()), key=lambda one: bool(one.pieces)):
            run = list(group)
            for some in self._short_enough(run) if known else [run]:
                yield Part(" ".join(one.word.core for one in some), _tokens(some))

    def _read_plainly(self, word: str) -> Read:
        """A word as it is; nothing is read of it if it has marks, if it cannot be spelled, or if it is too long."""
        known = self._vocabulary.cased or all(map(_is_letter, word))
        tokens = self._vocabulary.spell(word) if known else []
        fixed = not 0 < len(tokens) <= self._longest
        return Read(WrittenWord("", word, "", (word,), fixed), [] if fixed else [tokens])

    def _short_enough(self, words: list[Read]) -> Iterator[list[Read]]:
        """The words in parts that fit the model: halved, at a word, as often as needed."""
        ends = list(itertools.accumulate(sum(map(len, one.pieces)) for one in words))
        if ends[-1] <= self._longest:
            yield words
            return
        middle = min(range(1, len(words)), key=lambda i: abs(2 * ends[i - 1] - ends[-1]))
        yield from self._short_enough(words[:middle])
        yield from self._short_enough(words[middle:])


def _tokens(words: list[Read]) -> list[int]:
    return [token for one in words for piece in one.pieces for token in piece]


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or letter in APOSTROPHES or unicodedata.category(letter).startswith("M")


def _bare(word: str) -> str:
    """The word without accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", word) if not unicodedata.category(one).startswith("M"))


def heard_by_part(parts: Sequence[Part], sure: Sequence[float] | None) -> list[list[float] | None]:
    """For each part of a text, how sure a recognizer is of the words that the model reads; None if it does not say."""
    if sure is None:
        return [None] * len(parts)
    ends = list(itertools.accumulate((len(part.text.split()) for part in parts), initial=0))
    return [part.heard(sure[start:end]) for part, (start, end) in zip(parts, itertools.pairwise(ends), strict=True)]


def join(parts: Sequence[str], text: str = "") -> str:
    """Joins corrected parts with spaces; empty parts leave no space.

    Args:
        parts: the corrected parts of a text, in order.
        text: the input; it is returned if there are no parts.
    """
    return " ".join(filter(None, parts)) if parts else text
