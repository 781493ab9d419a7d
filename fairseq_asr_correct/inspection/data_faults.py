"""What is odd about data, each in a sentence: too little of it, sides that are swapped, another language, and so on."""

from collections.abc import Iterator

from fairseq_asr_correct.inspection.pair_numbers import PairNumbers
from fairseq_asr_correct.inspection.text_numbers import LONG, SHARED, TextNumbers

FEW = 100  # sentences, the fewest by which `asr-correct tune` fits well
ENGLISH = 60.0  # percent of the words that English text has at least
ENOUGH_WORDS = 20  # to tell the language
# Sides are swapped if the references have so many misspelled words at least and times as many as the hypotheses, or so
# many different words in mistakes. A recognizer writes one word in many ways; no set seen has fewer forms than words.
MISSPELLED, MISSPELLED_TIMES, FORMS, FORMS_TIMES = 10, 3, 50, 1.5
WRONG = 80.0  # percent, from which on the sides are hardly of the same speech
SIDES = ("references", "hypotheses")
SOME = 1.0  # percent of the sentences, from which on something is worth a sentence


def faults_of_pairs(numbers: PairNumbers) -> Iterator[str]:
    """What is odd about pairs."""
    if numbers.sentences < numbers.pairs:
        yield f"These are {numbers.sentences:,} of {numbers.pairs:,} pairs, drawn at random; --sample takes more."
    yield from _few(numbers.sentences)
    yield from _foreign(numbers.english, numbers.words)
    if why := why_swapped(numbers):
        yield f"The sides look swapped, as {why}: name the hypotheses first, or exchange `text` and `pred_text`."
    if not numbers.rates["errors"]:
        yield _without_errors(numbers)
    elif (numbers.rates["wer"] or 0) > WRONG:
        yield f"A WER of {numbers.rates['wer']:.0f}% says that the two sides are hardly of the same speech."
    yield from _styles(numbers)
    unreachable = numbers.kinds["unreachable"]["share"] or 0
    if unreachable >= SOME:
        yield f"{unreachable:.0f}% of the errors are out of reach: the word pieces cannot spell what was said."
    if numbers.empty:
        yield f"{_count(numbers.empty, 'pair has', 'pairs have')} no words on one side: training leaves them out."
    if numbers.duplicates >= numbers.sentences * SOME / 100:
        some = _count(numbers.duplicates, "pair repeats", "pairs repeat")
        yield f"{some} one before, word for word: training leaves them out."
    if numbers.speakers is None:
        yield "The speakers are not known: sentences of one speaker may be in both halves that are compared."
    elif numbers.speakers == 1:
        yield "All sentences are of one speaker: of others, the errors may be different."


def faults_of_text(numbers: TextNumbers) -> Iterator[str]:
    """What is odd about text."""
    yield from _few(numbers.sentences)
    yield from _foreign(numbers.english, numbers.words)
    if (numbers.unreachable or 0) >= SOME:
        yield f"{numbers.unreachable:.0f}% of the words are out of reach: the word pieces cannot spell them."
    if numbers.near_duplicates >= numbers.sentences * SOME / 100:
        some = _count(numbers.near_duplicates, "sentence shares", "sentences share")
        yield f"{some} {SHARED} words in a row with one before: do not train on some and test on others."
    if numbers.long:
        yield f"{_count(numbers.long, 'line has', 'lines have')} more than {LONG} words: cut them into sentences."


def is_foreign(english: float | None, words: int) -> bool:
    """Whether text is hardly English.

    Args:
        english: share of its words that are known words of English, in percent.
        words: how many there are; of few, nothing can be told.
    """
    return words >= ENOUGH_WORDS and (english or 0) < ENGLISH


def why_swapped(numbers: PairNumbers) -> str:
    """What says that the sides of pairs are taken for each other; empty if nothing does."""
    said, heard = numbers.misspelled["said"], numbers.misspelled["heard"]
    words, forms = numbers.forms["said"], numbers.forms["heard"]
    if said >= MISSPELLED and said > MISSPELLED_TIMES * heard:
        return f"{said:,} wrong words of the references are misspelled English, and {heard:,} of the hypotheses"
    if words >= FORMS and words > FORMS_TIMES * forms:
        return f"the references write in {words:,} ways what the hypotheses write in {forms:,}"
    return ""


def _few(sentences: int) -> Iterator[str]:
    if sentences < FEW:
        some = "is 1 sentence" if sentences == 1 else f"are {sentences} sentences"
        yield f"There {some}: fewer than {FEW} tell little, and the numbers are a guess."


def _foreign(english: float | None, words: int) -> Iterator[str]:
    if is_foreign(english, words):
        yield f"Only {english or 0:.0f}% of the words are English: this is another language, or text full of codes."


def _without_errors(numbers: PairNumbers) -> str:
    if numbers.rates_as_written["errors"]:
        return "Without case, marks and variants of spelling, no pair has an error."
    return "The two sides are the same in every pair: are the hypotheses copies of the references?"


def _styles(numbers: PairNumbers) -> Iterator[str]:
    """Where only one side has capitals and marks, or digits."""
    for shares, things, flag, least in (
        (numbers.written, "capitals or marks", "--normalize librispeech", 50.0),
        (numbers.digits, "digits", "--numbers-to-words", 2.0),
    ):
        for more, less, one, other in (("said", "heard", *SIDES), ("heard", "said", *SIDES[::-1])):
            if (shares[more] or 0) >= least and (shares[less] or 0) < least / 10:
                yield (
                    f"The {one} have {things} and the {other} hardly any, so that right words count as wrong: give "
                    f"asr-correct pairs {flag}."
                )


def _count(number: int, one: str, more: str) -> str:
    """How many there are of something, with its verb."""
    return f"1 {one}" if number == 1 else f"{number:,} {more}"
