"""How the symbols of a dictionary form words: as WordPiece, as SentencePiece, or each as a word."""

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial

from fairseq_asr_correct.tokens.dictionaries import AnyDictionary
from fairseq_asr_correct.tokens.word_pieces import PREFIX, WordPiece

WORD = "\u2581"  # SentencePiece writes it where a word begins


def continuations(dictionary: AnyDictionary) -> tuple[bool, ...]:
    """Whether each symbol, by id, continues a word: see :func:`continue_words`."""
    return continue_words(tuple(dictionary.symbols))


@lru_cache(maxsize=4)  # often called again for the same dictionary
def continue_words(symbols: tuple[str, ...]) -> tuple[bool, ...]:
    """Whether each symbol continues a word; the others begin one.

    In WordPiece, symbols with ``##`` continue a word. In SentencePiece, symbols with ``\u2581`` begin one, and so do
    the specials, ``<unk>`` among them. In a vocabulary with neither mark, every symbol is a word.
    """
    if mark_of(symbols) == WORD:
        return tuple(not symbol.startswith((WORD, "<")) for symbol in symbols)
    return tuple(symbol.startswith(PREFIX) for symbol in symbols)


def split_words(tokens: Iterable[int], continues: Sequence[bool]) -> list[tuple[int, ...]]:
    """The tokens of each word. The first token begins a word, even if it continues one."""
    words: list[list[int]] = []
    for token in tokens:
        if words and continues[token]:
            words[-1].append(token)
        else:
            words.append([token])
    return [tuple(word) for word in words]


class Words:
    """The words of tokens as text; those that were asked for before come from memory.

    Args:
        dictionary: whose tokens they are.
    """

    def __init__(self, dictionary: AnyDictionary) -> None:
        self.continues = continuations(dictionary)  #: see :func:`continuations`
        self._word = lru_cache(maxsize=20_000)(partial(text, dictionary, mark=mark_of(dictionary.symbols)))

    def of(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """The words, each as text."""
        return tuple(self._word(word) for word in split_words(tokens, self.continues))

    def count(self, tokens: Sequence[int]) -> int:
        """How many words the tokens form."""
        return sum(not self.continues[token] for token in tokens[1:]) + bool(tokens)


def text(dictionary: AnyDictionary, tokens: Iterable[int], escape_unk: bool = False, mark: str | None = None) -> str:
    """The text of the tokens, without padding and ends.

    Args:
        dictionary: whose tokens they are.
        tokens: any of them.
        escape_unk: whether ``<unk>`` becomes ``<<unk>>``.
        mark: what :func:`mark_of` gives for the dictionary, which spares looking at all its symbols.
    """
    mark = mark_of(dictionary.symbols) if mark is None else mark
    unsaid, unk = {dictionary.bos(), dictionary.pad(), dictionary.eos()}, dictionary.unk()
    said = [token for token in map(int, tokens) if token not in unsaid]
    pieces = " ".join(f"<{dictionary[unk]}>" if escape_unk and token == unk else dictionary[token] for token in said)
    if mark == PREFIX:
        return WordPiece.decode(pieces)
    return pieces.replace(" ", "").replace(WORD, " ").strip() if mark == WORD else pieces


def mark_of(symbols: Sequence[str]) -> str:
    """What tells whether symbols begin a word: WordPiece's ``##``, SentencePiece's ``\u2581``, or nothing, ``""``."""
    return next((mark for mark in (PREFIX, WORD) if any(symbol.startswith(mark) for symbol in symbols)), "")
