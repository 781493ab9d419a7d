"""Finds real words and phrases that sound like others.

The distance of two phrases is the mean of two Levenshtein distances, of their sounds and of the kinds of their sounds,
for each sound of the first. A recognizer takes the near and the common form: its weight is ``exp(-9 distance +
0.5 log count - 0.5 [two words])``, the best of a grid of such weights for what Whisper tiny and base wrote in place of
wrong words of Common Voice. Of all they wrote there, 27 % is among the forms kept.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import exp, log

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from tqdm import tqdm

from fairseq_asr_correct.simulation.pronunciations import kinds, pronounce
from fairseq_asr_correct.simulation.sound_alikes import Weighted

NEAR, FREQUENT, TWO = 9.0, 0.5, 0.5  # weights
FORMS = 20  # kept for each phrase
ROWS = 400  # phrases compared at once
TRIED = 80  # forms whose kinds of sounds are compared
WORD = re.compile(r"'?[a-z]+('[a-z]+)*'?")  # what is sure to be spoken as one word


def find_neighbours(lines: Iterable[list[str]], seldom: int = 8, pairs: int = 40) -> dict[str, Weighted]:
    """For each word and frequent pair of words in text: the words and pairs that sound like it, with weights.

    Args:
        lines: words of each line, in lower case.
        seldom: how often a word must occur to be a form; rarer ones are often misprints.
        pairs: how often two words must stand together.

    Raises:
        UserError: espeak-ng is not installed.
    """
    words, together = _count(lines)
    together = Counter({pair: count for pair, count in together.items() if count >= pairs})
    said = [word for word in words if WORD.fullmatch(word)]
    heard = dict(zip(said, pronounce(said), strict=True))
    forms = {word: count for word, count in words.items() if count >= seldom and heard.get(word)}
    forms |= {pair: count for pair, count in together.items() if all(map(heard.get, pair.split()))}
    phrases = [phrase for phrase in [*said, *together] if all(map(heard.get, phrase.split()))]
    sounds = {phrase: "".join(heard[word] for word in phrase.split()) for phrase in {*phrases, *forms}}
    found = dict(_nearest(phrases, forms, sounds))
    return {phrase: found[phrase] for phrase in phrases if phrase in found}


def _count(lines: Iterable[list[str]]) -> tuple[Counter[str], Counter[str]]:
    words: Counter[str] = Counter()
    together: Counter[str] = Counter()
    for line in lines:
        words.update(line)
        together.update(map(" ".join, pairwise(line)))
    return words, together


def _nearest(phrases: list[str], forms: dict[str, int], sounds: dict[str, str]) -> Iterator[tuple[str, Weighted]]:
    """Compares phrases with forms that are at most a third longer or shorter."""
    names = sorted(forms, key=lambda form: len(sounds[form]))
    lengths = np.array([len(sounds[form]) for form in names])
    frequent = np.log([forms[form] for form in names])
    by_length: dict[int, list[str]] = defaultdict(list)
    for phrase in phrases:
        by_length[len(sounds[phrase])].append(phrase)
    with tqdm(total=len(phrases), desc="sound-alikes", unit=" phrases", disable=None) as bar:
        for length, alike in sorted(by_length.items()):
            slack = max(1, round(length / 3))
            low, high = np.searchsorted(lengths, [length - slack, length + slack + 1])
            pool = [sounds[form] for form in names[low:high]]
            most = max(2, round(0.6 * length))
            for first in range(0, len(alike), ROWS):
                some = alike[first : first + ROWS]
                queries = [sounds[phrase] for phrase in some]
                distances = cdist(queries, pool, scorer=Levenshtein.distance, score_cutoff=most, dtype=np.uint8)
                for phrase, row in zip(some, distances, strict=True):
                    near = np.flatnonzero(row <= most)
                    near = near[np.argsort(row[near] - 0.12 * frequent[low:high][near], kind="stable")[:TRIED]]
                    tried = {names[low + at]: int(row[at]) for at in near}
                    if weighted := _weighted(phrase, tried, forms, sounds):
                        yield phrase, weighted
                bar.update(len(some))


def _weighted(phrase: str, tried: dict[str, int], forms: dict[str, int], sounds: dict[str, str]) -> Weighted:
    scores: dict[str, float] = {}
    for form, distance in tried.items():
        if _differs(phrase, form):
            by_kind = Levenshtein.distance(kinds(sounds[phrase]), kinds(sounds[form]))
            far = (distance + by_kind) / 2 / len(sounds[phrase])
            scores[form] = -NEAR * far + FREQUENT * log(forms[form]) - TWO * (" " in form)
    best = sorted(scores, key=lambda form: (-scores[form], form))[:FORMS]
    weights = [(form, round(1000 * exp(scores[form] - scores[best[0]]))) for form in best]
    return [(form, weight) for form, weight in weights if weight]


def _differs(phrase: str, form: str) -> bool:
    """Whether a form is another wording: not the same letters, and of two words both differ."""
    if re.sub("[ ']", "", phrase) == re.sub("[ ']", "", form):
        return False
    ours, others = phrase.split(), form.split()
    return len(ours) != 2 or len(others) != 2 or (ours[0] != others[0] and ours[1] != others[1])
