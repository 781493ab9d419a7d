"""A sentence while input-guided search decodes it, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairseq_asr_correct.runtime.chosen import Chosen
from fairseq_asr_correct.runtime.edit_rows import Rows
from fairseq_asr_correct.runtime.encoded import END
from fairseq_asr_correct.tokens.guesses import Sentence

Tokens = Sequence[int]  # without the end


@dataclass(frozen=True)
class Guided:
    """What greedy search writes for a source."""

    tokens: list[int]  #: without the end
    scores: list[float]  #: log-probabilities of each token and of the end; empty if nobody asked for them
    source_scores: list[float] | None  #: those of the unchanged source and its end


@dataclass
class Going(Sentence):
    """A sentence while it is decoded."""

    longest: int = 0  #: the most tokens before the end
    before: Rows | None = None  #: edit distances before the last token of ``written``; None before the first
    first: Chosen | None = None  #: the choices in the first pass, if its guess was the whole source
    later: list[Chosen] = field(default_factory=list)  #: those that were taken in the other passes
    taken: int = 0  #: how many of the first pass were taken
    forced: bool = False  #: whether it had to end

    @property
    def ended(self) -> bool:
        """Whether it has its end."""
        return self.written[-1:] == [END]

    @property
    def changed(self) -> bool:
        """Whether it is not its source."""
        return self.written[:-1] != self.source

    def take(self, chosen: Chosen, rows: Rows, continues: Sequence[bool]) -> None:
        """Takes the choices of a pass.

        Args:
            chosen: at the places of the guess and behind it.
            rows: edit distances after the last token written, and after each of the guess, ``(new, source)``.
            continues: see ``tokens/words.py``.
        """
        tokens = chosen.tokens.tolist()
        if len(self.written) + len(self.guess) == self.longest:
            self.forced = _same(self.guess, tokens) == len(self.guess)
            tokens[-1] = END
        same = _same(self.guess, tokens)
        if not self.written and self.guess == self.source:
            self.first, self.taken = chosen, same + 1
        else:
            self.later.append(chosen[: same + 1])
        self.before = rows[same]
        self.accept(tokens, [], continues)

    def result(self, scored: Chosen | None) -> Guided:
        """What is written.

        Args:
            scored: all its choices with their log-probabilities: those of the first pass, then the others.
        """
        tokens = self.written[:-1]
        if scored is None:
            return Guided(tokens, [], None)
        size = 0 if self.first is None else len(self.first)
        scores = [*scored.scores[: self.taken].tolist(), *scored.scores[size:].tolist()]
        if self.forced:
            scores[-1] = float(scored.asked_scores[-1])
        return Guided(tokens, scores, scored.asked_scores[:size].tolist() if size else None)


def _same(guess: Tokens, chosen: Tokens) -> int:
    """How many tokens of the guess are chosen."""
    pairs = zip(guess, chosen, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), len(guess))
