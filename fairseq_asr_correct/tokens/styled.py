"""Changes without what is style alone."""

from collections.abc import Sequence
from dataclasses import replace

from fairseq_asr_correct.english.style import without_style
from fairseq_asr_correct.tokens.spans import Span
from fairseq_asr_correct.tokens.words import Words, split_words


def styled(source: Sequence[int], spans: Sequence[Span], words: Words, disfluencies: bool = True) -> list[Span]:
    """The changes with what is no error put back: see :mod:`fairseq_asr_correct.english.style`.

    A change of which something stays keeps its margin. One that is style alone is left out.

    Args:
        source: the input's tokens.
        spans: the changes, from left to right.
        words: of the dictionary.
        disfluencies: whether hesitations and repeated words stay.
    """
    read = words.of(source) if spans else ()
    found = []
    for span in spans:
        sides = [split_words(tokens, words.continues) for tokens in (span.before, span.after)]
        before, after = words.of(span.before), words.of(span.after)
        start = words.count(source[: span.start])
        left, right = read[:start], read[start + len(before) :]
        kept = without_style(before, after, left, right, disfluencies)
        if not kept.reasons:
            found.append(span)
            continue
        tokens = [token for word in kept.words for token in sides[0 if word.kept else 1][word.at]]
        if tokens != span.before:
            found.append(replace(span, after=tokens))
    return found
