"""Guesses the next tokens of an output: the rest of the source, from the position that the output has reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 3  # tokens in a row to look for in the source
NEAR = 6  # a single token gives the position only if it is this near to the expected one
AFTER_A_MISS = 8  # the least tokens to guess after a wrong guess; more would be wasted work


def resume(source: list[int], written: list[int], place: int, continues: Sequence[bool]) -> int:
    """The position in the source where a correction resumes.

    It is the position after the last tokens written: the longest match wins, and then the nearest. If they are not in
    the source, the last token replaces one piece of a word, or the rest of a word if it begins one.

    Args:
        source: tokens without the end of the sentence.
        written: the output so far; not empty.
        place: position of the guess for the last token written; at most the source's length.
        continues: see :func:`~fairseq_asr_correct.tokens.words.continuations`.
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
    """A sentence while it is decoded. No tokens are padding, and ``source`` has no end of sentence."""

    number: int  #: its row in the batch
    source: list[int]
    guess: list[int]  #: the tokens guessed to come next
    place: int = 0  #: position of the guess in the source
    written: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  #: log-probabilities of ``written``
    source_scores: Sequence[float] | None = None  #: log-probabilities of the unchanged source and its end, if known

    def accept(self, chosen: list[int], scores: list[float], continues: Sequence[bool]) -> None:
        """Takes the model's choices: those after ``written``, and after each token of the guess while it is right."""
        same = next((i for i, token in enumerate(self.guess) if token != chosen[i]), len(self.guess))
        self.written += chosen[: same + 1]
        self.scores += scores[: same + 1]
        self.place = resume(self.source, self.written, min(self.place + same, len(self.source)), continues)
        self.guess = self.source[self.place :][: max(AFTER_A_MISS, 2 * same)]
