"""A change as the decision sees it."""

from collections.abc import Sequence
from typing import NamedTuple


class Change(NamedTuple):
    """Some words of a text that a corrector would write in another way; either side may be empty.

    Log-probabilities are natural, one for each token, given the text and what comes before in the output.
    """

    start: int  #: the first of ``before`` among the text's words
    before: tuple[str, ...]  #: words of the text
    after: tuple[str, ...]
    first: int  #: the first token of ``before`` among the text's tokens
    before_scores: Sequence[float]  #: of the tokens of ``before`` in the unchanged text
    after_scores: Sequence[float]  #: of the tokens of ``after`` in the correction
    margin: float  #: the gain in log-probability by this change; see ``tokens.spans.spans_with_margins``


class Proposal(NamedTuple):
    """A text with all changes that a corrector proposes for it, from left to right."""

    words: Sequence[str]
    scores: Sequence[float]  #: log-probabilities of the text's tokens, unchanged, and of its end
    changes: Sequence[Change]
    heard: Sequence[float] | None = None  #: how sure the recognizer is of each word, from 0 to 1, if it says so
