"""Which words are names, as far as capitals tell."""

from collections import Counter
from collections.abc import Iterable

from fairseq_asr_correct.terms.collecting import occurrences

MOSTLY = 0.5  # of the places where a capital tells something, that must have one


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """The words, in lower case, that mostly have a capital inside of sentences; none if the texts have no capitals."""
    places, capitals = Counter[str](), Counter[str]()
    for text in texts:
        if text.islower():
            continue
        for word in occurrences(text):
            places[word.key] += word.tells
            capitals[word.key] += word.tells and word.form != word.key
    return frozenset(word for word, count in capitals.items() if count > MOSTLY * places[word])
