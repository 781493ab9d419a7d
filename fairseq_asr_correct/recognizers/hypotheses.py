"""What a recognizer wrote, and how sure it is of each word."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from fairseq_asr_correct.transcripts.word_confidence import of_pieces

BEGINNINGS = ("▁", "Ġ")  # of tokens that begin a word: SentencePiece's, and those of BPE on bytes
DIGITS = 4  # of a confidence; rounding in other batches changes those behind them


class Hypothesis(NamedTuple):
    """A text, with the confidence of each word, 0 to 1; None if the recognizer does not give it."""

    text: str
    word_confidence: tuple[float, ...] | None = None


def hypothesis(text: str, pieces: Iterable[tuple[str, float]]) -> Hypothesis:
    """A hypothesis with the confidence that its pieces give, each with its probability.

    Args:
        text: the hypothesis.
        pieces: see :func:`~fairseq_asr_correct.transcripts.word_confidence.of_pieces`.
    """
    sure = of_pieces(text, pieces)
    return Hypothesis(text, sure and tuple(round(min(max(float(one), 0.0), 1.0), DIGITS) for one in sure))


def word_groups(tokenizer: Any, tokens: Sequence[int], repeats: bool = False) -> Iterator[range]:
    """The places of the tokens of each word, for a tokenizer of transformers.

    Args:
        tokenizer: any; of one that does not mark where words begin, all tokens are one group.
        tokens: ids from left to right.
        repeats: whether a repeated token is the same one, as in the frames of CTC.
    """
    delimiter = getattr(tokenizer, "word_delimiter_token", None)
    names = tokenizer.convert_ids_to_tokens(list(tokens))
    first = 0
    for place, name in enumerate(names):
        begins = name is not None and (name == delimiter or name.startswith(BEGINNINGS))
        if begins and place and not (repeats and tokens[place] == tokens[place - 1]):
            yield range(first, place)
            first = place
    if names:
        yield range(first, len(names))
