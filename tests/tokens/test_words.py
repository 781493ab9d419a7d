"""How symbols form words."""

import pytest

from fairseq_asr_correct.tokens.words import Words, mark_of, text


class Counted(list[str]):
    """Symbols that count how often somebody looks through them."""

    looks = 0

    def __iter__(self):  # noqa: ANN204
        Counted.looks += 1
        return super().__iter__()


class Symbols:
    """A dictionary of a few symbols, the specials first."""

    def __init__(self, *symbols: str) -> None:
        self.symbols = Counted(["<s>", "<pad>", "</s>", "<unk>", *symbols])

    bos, pad, eos, unk = (lambda self, number=number: number for number in range(4))

    def __getitem__(self, number: int) -> str:
        return self.symbols[number]

    def __len__(self) -> int:
        return len(self.symbols)


KINDS = [
    ("##", Symbols("he", "wa", "##ted", "##s"), ("he", "wated")),
    ("\u2581", Symbols("\u2581he", "\u2581wa", "ted"), ("he", "wated")),
    ("", Symbols("he", "wa", "ted"), ("he", "wa", "ted")),
]


@pytest.mark.parametrize(("mark", "dictionary", "expected"), KINDS)
def test_words_of_each_kind_of_vocabulary(mark: str, dictionary: Symbols, expected: tuple[str, ...]) -> None:
    assert mark_of(dictionary.symbols) == mark
    assert Words(dictionary).of([4, 5, 6]) == expected
    assert text(dictionary, [0, 4, 5, 6, 2]) == text(dictionary, [4, 5, 6], mark=mark) == " ".join(expected)


def test_each_word_is_written_without_a_look_at_all_symbols() -> None:
    """There are 30,000, and a sentence has twenty words."""
    dictionary = KINDS[0][1]
    words = Words(dictionary)
    before = Counted.looks
    assert words.of([4, 5, 6, 4, 7, 5]) == ("he", "wated", "hes", "wa") and Counted.looks == before
