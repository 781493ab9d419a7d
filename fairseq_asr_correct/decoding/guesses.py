"""What is guessed to come next in an output: the rest of the source, from the place that the output has come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

LONGEST = 3  # tokens in a row that are looked for in the source
NEAR = 6  # a single token is no sign of the place unless it is as near as this to the one expected
AFTER_A_MISS = 8  # tokens guessed at least behind a guess that was wrong: many more would be arithmetic for nothing


def resume(source: list[int], written: list[int], place: int, continues: Sequence[bool]) -> int:
    """The place in the source where a correction goes on.

    That is behind the tokens written last, the more in a row and the nearer the better. Where they are not in the
    source, the last one stands for a piece of a word, or for the rest of a word if it begins one.

    Args:
        source: without the end of sentence.
        written: not empty.
        place: that of the token guessed where the last one was written; up to the source's length.
        continues: see :func:`~fairseq_asr_correct.decoding.words.continuations`.
    """
    for length in range(min(LONGEST, len(written)), 0, -1):
        far = NEAR if length == 1 else len(source)
        ends = [end for end in range(length, len(source) + 1) if source[end - length : end] == written[-length:]]
        near = [end for end in ends if abs(end - place - 1) <= far]
        if near:
            return min(near, key=lambda end: (abs(end - place - 1), -end))
    goes_on = [*map(continues.__getitem__, source), False]
    if continues[written[-1]]:
        return place + goes_on[place]
    return next((end for end in range(place + 1, len(source)) if not goes_on[end]), len(source))


@dataclass
class Sentence:
    """A sentence on its way. All tokens are without padding, the source's without the end of sentence."""

    number: int  #: in its batch
    source: list[int]
    guess: list[int]  #: what may come next
    place: int = 0  #: of the guess in the source
    written: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  #: log-probabilities of these
    source_scores: Tensor | None = None  #: those of the source's tokens and end, were it written as it is; if known

    def accept(self, chosen: list[int], scores: list[float], continues: Sequence[bool]) -> None:
        """Goes on by the model's choices after what is written and after each token of the guess."""
        same = next((i for i, token in enumerate(self.guess) if token != chosen[i]), len(self.guess))
        self.written += chosen[: same + 1]
        self.scores += scores[: same + 1]
        self.place = resume(self.source, self.written, min(self.place + same, len(self.source)), continues)
        self.guess = self.source[self.place :][: max(AFTER_A_MISS, 2 * same)]
