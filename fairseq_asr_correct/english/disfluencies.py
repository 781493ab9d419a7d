"""Hesitations ("uh", "um") and words that are said twice in a row ("the the"), which a verbatim transcript keeps."""

import itertools
from collections.abc import Iterable, Sequence

from fairseq_asr_correct.english.variants import key
from fairseq_asr_correct.written.cores import WrittenWord, written_words
from fairseq_asr_correct.written.putting_back import Change, Rewrite, Wording, rewritten_text
from fairseq_asr_correct.written.styles import Style

HESITATIONS = frozenset(["uh", "uhh", "uhm", "um", "umm", "erm", "er", "hm", "hmm", "hmmm", "mmm"])
ANSWERS = frozenset(["uh huh", "uh oh", "uh hum", "um hum", "um hm", "mm hmm", "mm hm"])  # which mean yes, no or oh
# Said on purpose; "mm" also stands for millimetres.
INTERJECTIONS = frozenset(["ah", "aah", "aha", "eh", "huh", "mhm", "mm", "oh", "ooh", "uhhuh", "mmhmm"])
MOST_TWICE = 4  # words in what is said twice
STUTTERED = """
    the a an i he she we they your his our their this these those be of at for with from when what who which it's i'm
    i've i'll could does did don't just
"""
LINKED = frozenset(["and", "or", "but", "to", "as", "if"])  # not at the head of more words: "over and over and over"
STUTTERS = LINKED.union(STUTTERED.split())  # not "no", said twice on purpose, nor "that", "had", "her" or "you"
BETWEEN = frozenset(["", ",", "-", "--", "\u2013", "\u2014", "...", "\u2026"])  # marks where a speaker begins again


def remove_disfluencies(text: str) -> str:
    """The text without hesitations, and without function words that are said twice in a row.

    "Um, I I think" becomes "I think", and "the, the ship" becomes "the ship", with their capitals and other marks.
    Answers ("uh huh") stay, as do words that are often said twice on purpose ("no no", "that that"). White space
    becomes single spaces where something is removed.
    """
    found = rewrites(text)
    return rewritten_text(text.split(), found) if found else text


def rewrites(text: str) -> list[Rewrite]:
    """What :func:`remove_disfluencies` changes, by the words of the text."""
    words = written_words(text)
    removed = _hesitations(words)
    while more := _said_twice(words, removed):
        removed |= more
    bare = tuple(
        word._replace(after="") if number in removed and word.after in BETWEEN else word
        for number, word in enumerate(words)
    )
    owners = tuple(number for number, word in enumerate(words) for _ in word.said)
    places = [owners.index(number) for number in sorted(removed)]
    wording = Wording(bare, owners, True, Style.of(words, True))
    return wording.rewritten(Change(start, end, ()) for start, end in runs(places))


def runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """Places in a row as ranges, from and to (exclusive)."""
    found: list[tuple[int, int]] = []
    for place in places:
        start = found.pop()[0] if found and found[-1][1] == place else place
        found.append((start, place + 1))
    return found


def _hesitations(words: Sequence[WrittenWord]) -> set[int]:
    """The hesitations, by number; not those that are a part of an answer."""
    lows = ["" if word.fixed else word.core.lower() for word in words]
    answers = {
        place
        for number, pair in enumerate(itertools.pairwise(lows))
        if " ".join(pair) in ANSWERS and not words[number].after
        for place in (number, number + 1)
    }
    return {number for number, low in enumerate(lows) if low in HESITATIONS and number not in answers}


def _said_twice(words: Sequence[WrittenWord], removed: set[int]) -> set[int]:
    """The words that are said again behind them, by number; the first such words of the text alone."""
    rest = [number for number in range(len(words)) if number not in removed]
    lows = [key(words[number].core) for number in rest]
    for at in range(1, len(rest)):
        for length in range(min(MOST_TWICE, at), 0, -1):
            start = at - length
            again = lows[start:at] == lows[at : at + length] and lows[start] in STUTTERS
            if again and (length == 1 or lows[start] not in LINKED) and _begins_again(words, rest[start : at + length]):
                return set(rest[start:at])
    return set()


def _begins_again(words: Sequence[WrittenWord], numbers: Sequence[int]) -> bool:
    """Whether the marks among words that are said twice are those of a speaker who begins again."""
    half = len(numbers) // 2
    first, second = ([words[number] for number in some] for some in (numbers[:half], numbers[half:]))
    inner = [word.after for word in first[:-1]] + [word.before for word in (*first[1:], *second)]
    return not any(inner) and first[-1].after in BETWEEN and not any(word.fixed for word in (*first, *second))
