"""What speaks for a candidate and against it, as a few numbers, each against what the recognizer wrote."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf
from fairseq_asr_correct.english.variants import key
from fairseq_asr_correct.word_errors import word_errors
from fairseq_asr_correct.written.cores import written_words

Floats = npt.NDArray[np.float64]
NAMES = (
    "corrector",  # gain in the corrector's log-probability
    "language_model",  # gain in the language model's
    "changed_words",  # words that differ
    "changed_letters",  # letters and spaces that differ
    "unknown_words",  # how many more words are in no list
    "frequency",  # how many orders of magnitude the words are more common, in sum
    "unchanged",  # 1 for what the recognizer wrote
    "doubt",  # for what the recognizer wrote, the corrector's log-probability of it, by its words
    "other",  # 1 if it is, or corrects, another hypothesis than the recognizer's best
    "other_letters",  # then, the letters that differ: the recognizer has heard them
    "rank",  # log(1 + rank) of that hypothesis
    "score",  # gain in the recognizer's score of it; 0 where it gives none
)


def bare_words(text: str) -> list[str]:
    """The words of a text as lists have them: in lower case, without marks, with straight apostrophes."""
    return [key(word.core) for word in written_words(text)]


def features(
    texts: Sequence[str],
    corrector: Sequence[float],
    language_model: Sequence[float],
    ranks: Sequence[int],
    scores: Sequence[float] | None = None,
) -> Floats:
    """The features of an utterance's candidates, the first of which is what the recognizer wrote.

    Args:
        texts: the candidates.
        corrector: log-probability of each, given what the recognizer wrote.
        language_model: log-probability of each.
        ranks: of the hypothesis that each is, or corrects.
        scores: the recognizer's, by rank; None if it gives none.

    Returns:
        ``(candidates, features)``, in the order of :data:`NAMES`.
    """
    first, words = texts[0], [text.split() for text in texts]
    common = [[zipf(word) for word in bare_words(text)] for text in texts]
    unknown = [sum(value <= UNKNOWN for value in some) for some in common]
    sums = [sum(some) for some in common]
    unchanged = np.arange(len(texts)) == 0
    by_rank = np.zeros(max(ranks) + 1) if scores is None else np.asarray(scores)
    letters = np.array([Levenshtein.distance(first, text) for text in texts])
    other = np.greater(ranks, 0)
    columns: Mapping[str, npt.ArrayLike] = {
        "corrector": np.subtract(corrector, corrector[0]),
        "language_model": np.subtract(language_model, language_model[0]),
        "changed_words": [word_errors(words[0], some) for some in words],
        "changed_letters": letters,
        "unknown_words": np.subtract(unknown, unknown[0]),
        "frequency": np.subtract(sums, sums[0]),
        "unchanged": unchanged,
        "doubt": unchanged * corrector[0] / max(1, len(words[0])),
        "other": other,
        "other_letters": other * letters,
        "rank": np.log1p(ranks),
        "score": by_rank[list(ranks)] - by_rank[0],
    }
    return np.stack([np.asarray(columns[name], float) for name in NAMES], 1)
