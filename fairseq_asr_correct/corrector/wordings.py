"""What a model changes in the tokens of a part, as changes of its words as they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairseq.data import Dictionary

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.decoding.spans import Decision, unscored
from fairseq_asr_correct.decoding.words import text
from fairseq_asr_correct.written.putting_back import Change, Rewrite


class Changes:
    """Turns decisions on tokens into text.

    Args:
        dictionary: of source and target.
        continues: see :func:`~fairseq_asr_correct.decoding.words.continuations`.
    """

    def __init__(self, dictionary: Dictionary, continues: Sequence[bool]) -> None:
        self._dictionary, self._continues = dictionary, continues

    def after(self, part: Part, hypothesis: Mapping[str, Any]) -> str:
        """The corrected text of a part.

        Args:
            part: a part that the model has read.
            hypothesis: the best of the model, with the decision on its changes if there is one.
        """
        tokens = hypothesis["tokens"].tolist()
        if self._dictionary.unk() in tokens:  # <unk> is not a word: a part stays as it is if the model writes one
            return part.text
        if part.wording is None:
            return text(self._dictionary, tokens)
        decision = hypothesis.get("decision") or self.all_of(part, tokens)
        return part.wording.text(self.rewritten(part, decision)[1])

    def all_of(self, part: Part, tokens: Sequence[int]) -> Decision:
        """The decision that takes all changes to what the model has written; their margins are not known."""
        specials = {self._dictionary.pad(), self._dictionary.bos(), self._dictionary.eos()}
        after = [token for token in tokens if token not in specials]
        return Decision(part.tokens, unscored(part.tokens, after, self._continues) if after != part.tokens else [])

    def rewritten(self, part: Part, decision: Decision) -> tuple[Decision, list[Rewrite]]:
        """The decision without what the part's wording does not allow, and what it rewrites; ``changes`` are spans."""
        changes: list[Change] = []
        numbers: list[int] = []
        for number, span in enumerate(decision.spans):
            before, after = (text(self._dictionary, tokens) for tokens in (span.before, span.after))
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
        return sum(not self._continues[token] for token in tokens)
