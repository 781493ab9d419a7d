"""A model that ONNX Runtime computes, for the corrector: greedy, and without torch and fairseq."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.seq2seq import Output, Scores, Tokens, Writer
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import rule_of
from fairseq_asr_correct.tokens.dictionaries import AnyDictionary, PlainDictionary
from fairseq_asr_correct.tokens.search import Search

if TYPE_CHECKING:
    from fairseq_asr_correct.runtime.guided import GuidedDecoder


class OnnxModel:
    """See :class:`~.seq2seq.Seq2Seq`.

    Args:
        decoder: what computes.
        symbols: of the dictionary, by number.
        longest: the most tokens that it reads or writes.
        rule: which of its changes are taken.
    """

    greedy = True

    def __init__(
        self, decoder: "GuidedDecoder", symbols: Sequence[str], longest: int, rule: Rule | None = None
    ) -> None:
        self.dictionary: AnyDictionary = PlainDictionary(symbols)
        self.longest, self.rule = longest, rule
        self._decoder = decoder

    @classmethod
    def load(cls, folder: str | Path, threads: int | None = None) -> "OnnxModel":
        """The model in a folder of ``asr-correct export``, with ``--to onnx`` or without.

        Args:
            folder: it may come from a stranger.
            threads: how many threads compute (default: one for each core).

        Raises:
            UserError: the folder is incomplete or damaged, or ONNX Runtime is not installed.
        """
        try:
            import onnxruntime  # noqa: F401
        except ImportError as error:
            raise UserError(
                f"{folder} needs ONNX Runtime, which is not installed: pip install 'fairseq-asr-correct[runtime]'"
            ) from error
        from fairseq_asr_correct.runtime.graphs import open_graphs
        from fairseq_asr_correct.runtime.guided import GuidedDecoder

        graphs = open_graphs(Path(folder), threads)
        try:
            return cls(GuidedDecoder(graphs), graphs.symbols, graphs.longest, rule_of(Path(folder)))
        except ValueError as error:  # of the dictionary
            if isinstance(error, UserError):
                raise
            raise UserError(f"{folder}/dict.txt cannot be used ({error}): export the folder again") from error

    def writer(self, search: Search) -> Writer:
        """See :meth:`.seq2seq.Seq2Seq.writer`; all searches that have no beam write the same."""
        return partial(self._write, bool(search.nbest))

    def score(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Sequence[Scores]:
        """See :meth:`.seq2seq.Seq2Seq.score`."""
        return self._decoder.score(sources, targets) if sources else []

    def _write(self, scored: bool, sources: Sequence[Tokens]) -> list[list[Output]]:
        found = self._decoder.decode(sources, scored)
        return [[Output(one.tokens, sum(one.scores), one.scores, one.source_scores)] for one in found]
