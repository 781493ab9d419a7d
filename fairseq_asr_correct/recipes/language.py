"""Whether text is English: errors of English recognizers in another language would be trained on by mistake."""

import itertools
from collections.abc import Iterable

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.overlap import plain_words

COMMON = 4.0  # Zipf value of the least common of some 7,000 words; rarer ones are in part of other languages
LEAST = 0.55  # the share of common words: English has 79 to 93%, and French, German, Spanish, Dutch, Italian 17 to 37%
LINES = 2000  # that are looked at
FEWEST = 200  # words; of fewer nothing is said


def check_english(lines: Iterable[str], name: str) -> None:
    """Looks at the first lines of a text.

    Raises:
        UserError: too few of their words are English.
    """
    words = [word for line in itertools.islice(lines, LINES) for word in plain_words(line)]
    known = sum(zipf(word) >= COMMON for word in words)
    if len(words) >= FEWEST and known < LEAST * len(words):
        raise UserError(
            f"{name} is not English: {known / len(words):.0%} of its words are among the commonest of English; "
            "give English text, or say `language: other` in the recipe"
        )
