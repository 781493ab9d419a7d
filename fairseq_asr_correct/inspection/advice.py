"""What to do with data, in two sentences.

The thresholds come from sets of which it is known what a corrector reached: ``docs/results/data.md`` has them.
"""

from fairseq_asr_correct.inspection.data_faults import FEW, WRONG, is_foreign, why_swapped
from fairseq_asr_correct.inspection.pair_numbers import PairNumbers
from fairseq_asr_correct.inspection.text_numbers import TextNumbers

LETTERS = 20.0  # percent of the errors in misspelled English words, from which on a recognizer spells letter by letter
MENDED = 0.55  # of these, what the model in the package mended for three such recognizers
NAMES = 15.0  # percent of the errors in names that are said elsewhere, from which on a list of terms comes first
REPEATED = 20.0  # percent of the errors in mistakes that come again, from which on pairs teach something
TRAINED = 1_000  # pairs, from which on a corrector learns from them
WANTED = 10_000  # pairs to train on, and to learn a recognizer's errors from
MOST_COPIES = 20  # of a line
SHOWN = 3  # terms
ANOTHER_LANGUAGE = (
    "The model in the package knows English alone. Train one from a BERT of this language, which asr-correct bert "
    "converts."
)


def advice_on_pairs(numbers: PairNumbers) -> str:
    """What to do with pairs."""
    could = {name: value or 0 for name, value in numbers.mendable.items() if name != "curve"}
    if is_foreign(numbers.english, numbers.words):
        return ANOTHER_LANGUAGE
    if why_swapped(numbers):
        return "Exchange the sides first. What is counted here is of no use until then."
    if not numbers.rates["errors"]:
        return (
            "There is nothing to correct in these pairs. Keep them to check that a corrector leaves right words alone."
        )
    names = (
        f"Names and words unknown in English make {_share(numbers, 'name')} of the errors, and {could['named']:.0f}% "
        "are in ones that are said again: give a list of them with --terms first."
    )
    if could["spelled"] >= LETTERS:
        return (
            f"Your recognizer spells letter by letter, and {could['spelled']:.0f}% of the errors are misspelled words "
            f"of English: the model in the package should mend about {MENDED * could['spelled']:.0f}% of all errors "
            f"without any training. {names if could['named'] >= NAMES else _then(numbers)}"
        )
    if could["named"] >= NAMES:
        return f"{names} {_then(numbers)}"
    if (numbers.rates["wer"] or 0) > WRONG:
        return "Match the two sides first. What is counted here is of no use until then."
    if could["seen"] >= REPEATED:
        return (
            f"Your recognizer writes words, and {could['seen']:.0f}% of its errors come again elsewhere: it is worth "
            f"training on pairs. {_then(numbers)}"
        )
    first = (
        "Your recognizer writes words, and its errors rarely come again: expect a few percent fewer of them at best."
    )
    if (numbers.kinds["name"]["share"] or 0) < NAMES:
        return f"{first} {_then(numbers)}"
    return (
        f"{first} Names and rare words make {_share(numbers, 'name')} of the errors, so give your list of terms first, "
        "and use --language-model where seconds do not count."
    )


def _share(numbers: PairNumbers, kind: str) -> str:
    return f"{numbers.kinds[kind]['share'] or 0:.0f}%"


def _then(numbers: PairNumbers) -> str:
    """What comes after, by how many pairs there are."""
    if numbers.pairs < FEW:
        return f"Collect at least {FEW} pairs to tune the decision, and {TRAINED:,} to train."
    if numbers.pairs < TRAINED:
        return f"Your {numbers.pairs:,} pairs are enough for asr-correct tune; training needs {TRAINED:,} and more."
    return f"Your {numbers.pairs:,} pairs are enough to train on, beside general data."


def copies_of(numbers: TextNumbers) -> int:
    """How many hypotheses of each sentence to simulate, so that there are enough pairs."""
    return max(1, min(MOST_COPIES, -(-WANTED // numbers.sentences)))


def advice_on_text(numbers: TextNumbers) -> str:
    """What to do with text."""
    if is_foreign(numbers.english, numbers.words):
        return ANOTHER_LANGUAGE
    terms = [one["term"] for one in numbers.terms if one["term"].isprintable()][:SHOWN]
    if terms:
        some = ", ".join(terms)
        first = (
            f"Words such as {some} set this text apart from general English: make a list of them with asr-correct "
            "terms, which needs no training."
        )
    else:
        first = "Hardly a word sets this text apart from general English, which the model in the package knows."
    if numbers.sentences < FEW:
        return f"{first} This is too little text to simulate errors in."
    copies = copies_of(numbers)
    how = f"--copies {copies}" if copies > 1 else "one copy"
    return (
        f"{first} To train, simulate errors in it with {how} of each sentence, and set some real pairs aside to check."
    )
