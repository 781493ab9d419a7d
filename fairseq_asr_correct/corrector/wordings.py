"""What a model changes in the tokens of a part, as changes of its words as they are written."""

from collections.abc import Sequence
from dataclasses import replace

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.tokens.spans import Decision, unscored
from fairseq_asr_correct.tokens.words import Words
from fairseq_asr_correct.written.putting_back import Change, Rewrite


class Changes:
    """Turns decisions on tokens into text.

    Args:
        words: of the model's dictionary.
    """

    def __init__(self, words: Words) -> None:
        self._words = words

    def text(self, part: Part, decision: Decision, rewrites: Sequence[Rewrite]) -> str:
        """The corrected text of a part, from what :meth:`rewritten` gives."""
        return part.wording.text(rewrites) if part.wording else self._text(decision.tokens)

    def all_of(self, part: Part, tokens: Sequence[int]) -> Decision:
        """The decision that takes all changes to what the model has written; their margins are not known."""
        after = list(tokens)
        spans = unscored(part.tokens, after, self._words.continues) if after != part.tokens else []
        return Decision(part.tokens, spans)

    def rewritten(self, part: Part, decision: Decision) -> tuple[Decision, list[Rewrite]]:
        """The decision without what the part's wording does not allow, and what it rewrites; ``changes`` are spans."""
        changes: list[Change] = []
        numbers: list[int] = []
        for number, span in enumerate(decision.spans):
            before, after = map(self._text, (span.before, span.after))
            if span.taken and before != after:  # the same word can be spelled in other pieces
                start = self._count(decision.source[: span.start])
                changes.append(Change(start, start + self._count(span.before), tuple(after.split())))
                numbers.append(number)
        if part.wording is None:
            return decision, [Rewrite(*change[:3], (number,)) for change, number in zip(changes, numbers, strict=True)]
        found = part.wording.rewritten(changes)
        found = [one._replace(changes=tuple(numbers[i] for i in one.changes)) for one in found]
        refused = {*numbers}.difference(*(one.changes for one in found))
        if refused:
            spans = [replace(span, taken=span.taken and i not in refused) for i, span in enumerate(decision.spans)]
            decision = replace(decision, spans=spans)
        return decision, found

    def _count(self, tokens: Sequence[int]) -> int:
        """How many words the model reads in them."""
        return sum(not self._words.continues[token] for token in tokens)

    def _text(self, tokens: Sequence[int]) -> str:
        return " ".join(filter(None, self._words.of(tokens)))
