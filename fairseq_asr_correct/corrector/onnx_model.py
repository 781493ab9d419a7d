"""A model that ONNX Runtime computes, for the corrector: greedy, and without torch and fairseq."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.seq2seq import Output, Scores, Seq2Seq, Tokens, Writer
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import rule_of
from fairseq_asr_correct.tokens.dictionaries import AnyDictionary, PlainDictionary
from fairseq_asr_correct.tokens.search import BEAM, INPUT_GUIDED, Search

if TYPE_CHECKING:
    from fairseq_asr_correct.domains.domain_folder import Domain
    from fairseq_asr_correct.runtime.guided import GuidedDecoder


class OnnxModel:
    """See :class:`~.seq2seq.Seq2Seq`.

    Args:
        decoder: what computes.
        symbols: of the dictionary, by number.
        longest: the most tokens that it reads or writes.
        rule: which of its changes are taken.
        beams: loads the same model with beams, the first time that one is asked for; None if nothing here has them.
    """

    def __init__(
        self,
        decoder: "GuidedDecoder",
        symbols: Sequence[str],
        longest: int,
        rule: Rule | None = None,
        beams: Callable[[], Seq2Seq] | None = None,
    ) -> None:
        self.dictionary: AnyDictionary = PlainDictionary(symbols)
        self.longest, self.rule = longest, rule
        self.decodings: Sequence[str] = (INPUT_GUIDED,) if beams is None else (INPUT_GUIDED, BEAM)
        self._decoder, self._load_beams, self._lock = decoder, beams, Lock()
        self._beams: Seq2Seq | None = None

    @classmethod
    def load(
        cls,
        folder: str | Path,
        threads: int | None = None,
        beams: Callable[[], Seq2Seq] | None = None,
        domain: "Domain | None" = None,
    ) -> "OnnxModel":
        """The model in a folder of ``asr-correct export``, with ``--to onnx`` or without.

        Args:
            folder: it may come from a stranger.
            threads: how many threads compute (default: one for each core).
            beams: as for the class.
            domain: of which the folder is the base.

        Raises:
            UserError: the folder is incomplete or damaged.
        """
        from fairseq_asr_correct.runtime.graphs import open_graphs
        from fairseq_asr_correct.runtime.guided import GuidedDecoder

        graphs = open_graphs(Path(folder), threads, domain.as_stored if domain else None)
        rule = rule_of(domain.folder if domain else Path(folder))
        try:
            return cls(GuidedDecoder(graphs), graphs.symbols, graphs.longest, rule, beams)
        except ValueError as error:  # of the dictionary
            if isinstance(error, UserError):
                raise
            raise UserError(f"{folder}/dict.txt cannot be used ({error}): export the folder again") from error

    def for_search(self, search: Search) -> Seq2Seq:
        """See :meth:`.seq2seq.Seq2Seq.for_search`; threads wait while one loads what has beams."""
        if search.guided or self._load_beams is None:
            return self
        with self._lock:
            self._beams = self._beams or self._load_beams()
        return self._beams

    def writer(self, search: Search) -> Writer:
        """See :meth:`.seq2seq.Seq2Seq.writer`; all searches that have no beam write the same."""
        return partial(self._write, bool(search.nbest))

    def score(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Sequence[Scores]:
        """See :meth:`.seq2seq.Seq2Seq.score`."""
        return self._decoder.score(sources, targets) if sources else []

    def _write(self, scored: bool, sources: Sequence[Tokens]) -> list[list[Output]]:
        found = self._decoder.decode(sources, scored)
        return [[Output(one.tokens, sum(one.scores), one.scores, one.source_scores)] for one in found]
