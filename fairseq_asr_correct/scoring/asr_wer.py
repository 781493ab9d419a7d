"""``--scoring asr_wer``: word error rate as recognizers are scored, counted by jiwer."""

import string
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version

from fairseq.dataclass import FairseqDataclass
from fairseq.scoring import BaseScorer, register_scorer

from fairseq_asr_correct.evaluation.alignment import align, errors
from fairseq_asr_correct.version import __version__

# The apostrophe stays: it is part of words ("boy's").
PUNCTUATION = str.maketrans("", "", string.punctuation.replace("'", ""))


@dataclass
class WordErrors:
    """Integer counts over any number of sentences; rates are percentages derived from them."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    sentences: int = 0
    wrong_sentences: int = 0

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def reference_words(self) -> int:
        """Words in the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def wer(self) -> float:
        """Word error rate in percent; without reference words it is 0, or infinite if there are errors."""
        if not self.reference_words:
            return float("inf") if self.errors else 0.0
        return 100 * self.errors / self.reference_words

    @property
    def ser(self) -> float:
        """Sentence error rate in percent: sentences with at least one error."""
        return 100 * self.wrong_sentences / max(1, self.sentences)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        return (
            f"WER {self.wer:.2f} ({self.errors}/{self.reference_words}: {self.substitutions} substitutions, "
            f"{self.deletions} deletions, {self.insertions} insertions), "
            f"SER {self.ser:.2f} ({self.wrong_sentences}/{self.sentences})"
        )


def count_errors(references: list[str], hypotheses: list[str]) -> WordErrors:
    """Counts word errors between pairs of sentences; white space separates words.

    Empty references count: every word of the hypothesis is then an insertion (as in jiwer; fairseq's ``wer`` scorer
    gives 0 for a corpus of empty references).

    Raises:
        ValueError: the lists differ in length.
    """
    steps = align(references, hypotheses)
    kinds = Counter("".join(steps))
    wrong = sum(errors(side) > 0 for side in steps)
    return WordErrors(kinds["="], kinds["S"], kinds["D"], kinds["I"], len(steps), wrong)


@dataclass
class AsrWerConfig(FairseqDataclass):
    """The flags of ``--scoring asr_wer``."""

    asr_wer_lowercase: bool = field(default=False, metadata={"help": "score in lower case"})
    asr_wer_remove_punct: bool = field(
        default=False, metadata={"help": "score without ASCII punctuation; apostrophes stay"}
    )


@register_scorer("asr_wer", dataclass=AsrWerConfig)
class AsrWerScorer(BaseScorer):
    """WER, its three kinds of error, sentence error rate, and a signature."""

    cfg: AsrWerConfig

    def __init__(self, cfg: AsrWerConfig) -> None:
        super().__init__(cfg)

    def add_string(self, ref: str, pred: str) -> None:
        """Takes one sentence pair, as text."""
        super().add_string(self._normalize(ref), self._normalize(pred))

    def errors(self) -> WordErrors:
        """The counts over all sentences so far."""
        return count_errors(self.ref, self.pred)

    def score(self) -> float:
        """WER in percent."""
        return self.errors().wer

    def result_string(self) -> str:
        """Two lines: the rates with their counts, and the signature."""
        return f"{self.errors()}\n{self.signature()}"

    def signature(self) -> str:
        """How the errors were counted; numbers with equal signatures can be compared."""
        case = "lower" if self.cfg.asr_wer_lowercase else "kept"
        punctuation = "removed" if self.cfg.asr_wer_remove_punct else "kept"
        return f"asr_wer|version:{__version__}|case:{case}|punct:{punctuation}|tok:whitespace|jiwer:{version('jiwer')}"

    def _normalize(self, text: str) -> str:
        if self.cfg.asr_wer_lowercase:
            text = text.lower()
        if self.cfg.asr_wer_remove_punct:
            text = text.translate(PUNCTUATION)
        return " ".join(text.split())
