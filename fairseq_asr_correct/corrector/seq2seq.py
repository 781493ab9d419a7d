"""What the corrector needs of a model, whatever computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.tokens.dictionaries import AnyDictionary
from fairseq_asr_correct.tokens.search import Search

Tokens = Sequence[int]  # without the end of the sentence
Scores = Sequence[float]  # log-probabilities (natural) of a sentence's tokens and of its end


@dataclass(frozen=True)
class Output:
    """What a model writes for a source."""

    tokens: list[int]  #: without the end of the sentence
    score: float  #: the log-probability of the tokens and the end
    scores: Scores | None = None  #: of each; None if the search does not tell
    source_scores: Scores | None = None  #: of the unchanged source; None if the search does not tell


Writer = Callable[[Sequence[Tokens]], list[list[Output]]]


class Seq2Seq(Protocol):
    """A model that writes tokens for tokens. Nothing in it changes, so that threads can share it."""

    dictionary: AnyDictionary  #: of source and target
    longest: int  #: the most tokens that it reads or writes
    rule: Rule | None  #: which of its changes are taken, as its folder says
    decodings: Sequence[str]  #: of ``tokens/search.py``, those that it has; the first is the default

    def for_search(self, search: Search) -> "Seq2Seq":
        """What has a search and scores what it writes: this model, or the same in what has beams.

        Raises:
            UserError: that cannot be loaded.
        """
        ...

    def writer(self, search: Search) -> Writer:
        """A function that gives the outputs of each source of a batch, the best first; one for each call.

        Raises:
            UserError: the model does not have this search.
        """
        ...

    def score(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Sequence[Scores]:
        """The scores of targets, each given its source; NaN where one is too long for the model."""
        ...
