"""How well a classifier tells simulated errors from real ones: the area under its ROC curve, of which 0.5 is best.

Sentences with errors are compared, as many simulated as real ones, with the same numbers of words and of word errors.
Two classifiers of scikit-learn are cross-validated, so that no reference is in both a training and a test part: boosted
trees on numbers that describe the errors (:func:`features`), and a logistic regression on the letters of the changed
words and on pairs of neighbours in the hypothesis (:func:`tokens`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.english.function_words import FUNCTION_WORDS
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.events import Event, Pair, events
from fairseq_asr_correct.word_errors import word_errors

FOLDS = 5
FEWEST = 10 * FOLDS  # sentences of each kind
HASHES = 2**18  # of tokens
STRENGTH = 0.3  # of the logistic regression; larger ones are regularized less


class Area(NamedTuple):
    """The area under a ROC curve, 0 to 1: its mean and standard deviation over all folds of all seeds."""

    mean: float
    spread: float


class Told(NamedTuple):
    """How well simulated is told from real: each classifier's area, and how many sentences of each were compared."""

    areas: dict[str, Area]
    sentences: int


def told_apart(real: Sequence[Pair], made: Sequence[Pair], seeds: int = 3) -> Told:
    """The areas of both classifiers, and of the mean of what they say.

    Args:
        real: pairs of a recognizer.
        made: simulated pairs.
        seeds: how often counterparts are drawn, and folds and classifiers made.

    Raises:
        UserError: too few sentences have errors and a counterpart, or too few of their references differ.
    """
    areas: dict[str, list[float]] = defaultdict(list)
    sentences = 0
    for seed in range(seeds):
        ours, theirs = matched(real, made, seed)
        sentences = len(ours)
        if sentences < FEWEST:
            raise UserError(
                f"{sentences} sentences with errors have a counterpart of as many words and errors, and {FEWEST} are "
                "needed to tell simulated from real: give more pairs"
            )
        different = len({" ".join(reference) for reference, _ in [*ours, *theirs]})
        if different < FEWEST:
            raise UserError(
                f"{sentences} sentences with errors have {different} different references, and {FEWEST} are needed to "
                "tell simulated from real: give pairs of more sentences"
            )
        for name, found in _areas(ours, theirs, seed):
            areas[name].append(found)
    return Told({name: Area(float(np.mean(some)), float(np.std(some))) for name, some in areas.items()}, sentences)


def _areas(ours: list[Pair], theirs: list[Pair], seed: int) -> Iterator[tuple[str, float]]:
    """Each classifier's area in each fold."""
    from sklearn.metrics import roc_auc_score  # scikit-learn's import takes a second
    from sklearn.model_selection import GroupKFold

    pairs, labels = [*ours, *theirs], np.repeat([1, 0], len(ours))
    numbers_of: dict[str, int] = {}
    groups = [numbers_of.setdefault(" ".join(reference), len(numbers_of)) for reference, _ in pairs]
    found = [list(events(reference, hypothesis)) for reference, hypothesis in pairs]
    numbers, words = [features(some) for some in found], [list(tokens(some)) for some in found]
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(numbers, labels, groups):
        told: dict[str, np.ndarray] = {}
        for name, learn, inputs in (("trees on numbers", _trees, numbers), ("letters and neighbours", _letters, words)):
            predict = learn([inputs[i] for i in train], labels[train], seed)
            told[name] = predict([inputs[i] for i in test])
        told["both"] = np.sum(list(told.values()), axis=0) / 2
        yield from ((name, float(roc_auc_score(labels[test], scores))) for name, scores in told.items())


def matched(real: Iterable[Pair], made: Iterable[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """As many sentences with errors of both, with the same numbers of words and errors, drawn at random."""
    random = Random(seed)
    sorted_: list[dict[tuple[int, int], list[Pair]]] = []
    for pairs in (real, made):
        by_size: dict[tuple[int, int], list[Pair]] = defaultdict(list)
        for reference, hypothesis in pairs:
            if reference and reference != hypothesis:
                by_size[len(reference), word_errors(reference, hypothesis)].append((reference, hypothesis))
        sorted_.append(by_size)
    ours: list[Pair] = []
    theirs: list[Pair] = []
    for size, some in sorted_[0].items():
        others = sorted_[1].get(size, [])
        count = min(len(some), len(others))
        ours += random.sample(some, count)
        theirs += random.sample(others, count)
    return ours, theirs


def features(found: list[Event]) -> list[float]:
    """Numbers that describe the errors of a sentence, given as its events."""
    places = [i for i, event in enumerate(found) if event.form != " ".join(event.words)]
    wrong = [found[i] for i in places]
    rows = np.array([_of_event(event) for event in wrong], float)
    runs = sum(b - a == 1 for a, b in pairwise(places))
    where = [i / max(1, len(found) - 1) for i in places]
    return [*rows.mean(0), *rows.max(0), *rows.min(0), runs, runs / len(places), float(np.mean(where)), len(places)]


def _of_event(event: Event) -> list[float]:
    text, forms = " ".join(event.words), event.form.split()
    bare, form = text.replace(" ", ""), event.form.replace(" ", "")
    far = Levenshtein.distance(bare, form)
    common = [zipf(word) for word in forms]
    return [
        len(event.words), len(forms), len(bare), len(form), far, far / max(len(bare), len(form), 1),
        bare[:1] == form[:1], bare[-1:] == form[-1:],
        sum(word in FUNCTION_WORDS for word in event.words), sum(word in FUNCTION_WORDS for word in forms),
        min(map(zipf, event.words)), min(common, default=9.0), max(common, default=9.0),
        len(set(event.words) & set(forms)),
    ]  # fmt: skip


def tokens(found: list[Event]) -> Iterator[str]:
    """Letters of the changed words, one to three in a row, what became of them, and pairs of neighbours around them."""
    last = "<s>"
    for event in found:
        text = " ".join(event.words)
        forms = event.form.split()
        if event.form != text:
            yield f"{text}>{event.form}"
            yield f"{len(event.words)}:{len(forms)}"
            for side, letters in (("r", f" {text} "), ("h", f" {event.form} ")):
                for size in (1, 2, 3):
                    yield from (f"{side}{letters[i : i + size]}" for i in range(len(letters) - size + 1))
            for tag, a, b, c, d in Levenshtein.opcodes(text, event.form):
                if tag != "equal":
                    yield f"e{text[a:b]}>{event.form[c:d]}"
            yield from (f"n{a} {b}" for a, b in zip([last, *forms], forms, strict=False))
        last = forms[-1] if forms else last


Predict = Callable[[list], np.ndarray]


def _trees(inputs: list, labels: np.ndarray, seed: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.06, max_leaf_nodes=8, random_state=seed)
    model.fit(np.array(inputs), labels)
    return lambda some: model.predict_proba(np.array(some))[:, 1]


def _letters(inputs: list, labels: np.ndarray, seed: int) -> Predict:
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression

    hasher = FeatureHasher(HASHES, input_type="string", alternate_sign=False)
    model = LogisticRegression(C=STRENGTH, max_iter=300, random_state=seed)
    model.fit(hasher.transform(inputs).sqrt(), labels)
    return lambda some: model.predict_proba(hasher.transform(some).sqrt())[:, 1]
