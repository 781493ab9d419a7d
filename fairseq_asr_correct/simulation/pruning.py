"""Makes an error model smaller: what was seen once or twice says little of other text."""

from dataclasses import replace

from fairseq_asr_correct.simulation.confusions import Confusions

LEAST_WORD = 5  # occurrences of a word
LEAST_FORM = 2  # of what a word, or two words, became
LEAST_CONTEXT = 100  # of letters with two letters on each side


def pruned(learned: Confusions) -> Confusions:
    """The same errors with a tenth to a third of the counts.

    Rare words get the rates of words like them and are misspelled by letters, as words that were never seen are.
    """
    words = {word: row for word, row in learned.words.items() if row[0] >= LEAST_WORD}
    forms = {word: _common(some) for word, some in learned.forms.items() if word in words}
    merges = {pair: (seen, _common(some)) for pair, (seen, some) in learned.merges.items()}
    *narrow, wide = learned.letters
    wide = {key: (seen, some) for key, (seen, some) in wide.items() if seen >= LEAST_CONTEXT and some}
    return replace(
        learned,
        words=words,
        forms={word: some for word, some in forms.items() if some},
        merges={pair: row for pair, row in merges.items() if row[1]},
        letters=[*narrow, wide],
    )


def _common(forms: dict[str, int]) -> dict[str, int]:
    return {form: count for form, count in forms.items() if count >= LEAST_FORM}
