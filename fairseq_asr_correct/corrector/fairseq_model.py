"""A model of fairseq, or one that CTranslate2 computes, for the corrector."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from fairseq.data import data_utils
from torch import Tensor

from fairseq_asr_correct.corrector.seq2seq import Output, Scores, Seq2Seq, Tokens, Writer
from fairseq_asr_correct.decoding.keep import as_list, gives_log_probabilities, score
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.formats.ctranslate2.opening import generator_of
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task
from fairseq_asr_correct.tokens.search import DECODINGS, INPUT_GUIDED, Search

FAIRSEQ = "fairseq"  # the task's name of beam search


class FairseqModel:
    """See :class:`~.seq2seq.Seq2Seq`.

    Args:
        pretrained: a model with its task.
        device: where to compute.

    Raises:
        UserError: the device cannot be used.
    """

    decodings: Sequence[str] = DECODINGS

    def __init__(self, pretrained: Pretrained, device: torch.device | str = "cpu") -> None:
        self.device = usable(device)
        self.network = cast(Any, pretrained.model).to(self.device).eval()  # of fairseq, which has no types
        self.dictionary = pretrained.dictionary
        self.longest = min(self.network.max_positions()) - 1  # one place is for the end of the sentence
        self.rule = pretrained.task.rule
        self._unsaid = {self.dictionary.pad(), self.dictionary.bos(), self.dictionary.eos()}
        # Without a rule: the corrector decides on the changes itself.
        self.task, self.guided_task = (make_task(self.dictionary, None, how) for how in (FAIRSEQ, INPUT_GUIDED))

    def for_search(self, search: Search) -> Seq2Seq:
        """See :meth:`.seq2seq.Seq2Seq.for_search`."""
        return self

    def writer(self, search: Search) -> Writer:
        """See :meth:`.seq2seq.Seq2Seq.writer`; fairseq's search keeps state, and so each call makes a new one."""
        task = self.guided_task if search.guided else self.task
        generator = task.build_generator([self.network], search.flags(), **generator_of(self.network, search))
        told = gives_log_probabilities(generator)

        @torch.inference_mode()
        def write(sources: Sequence[Tokens]) -> list[list[Output]]:
            try:
                found = generator.generate([self.network], self._sample(sources))
            except AssertionError as error:  # fairseq's, when no hypothesis ends
                raise UserError("the model computes probabilities that are not numbers: use another model") from error
            return [[self._output(beam, told) for beam in beams[: None if search.nbest else 1]] for beams in found]

        return write

    @torch.inference_mode()
    def score(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Sequence[Scores]:
        """See :meth:`.seq2seq.Seq2Seq.score`."""
        if not sources:
            return []
        ended = [torch.tensor([*target, self.dictionary.eos()]) for target in targets]
        tokens = self._sample(sources)["net_input"]["src_tokens"]
        return [one.tolist() for one in score([self.network], tokens, ended, self.dictionary)]

    def _output(self, beam: dict[str, Any], told: bool) -> Output:
        tokens = [token for token in beam["tokens"].tolist() if token not in self._unsaid]
        scores = (as_list(beam["positional_scores"]), as_list(beam.get("source_scores"))) if told else ()
        return Output(tokens, float(beam["score"]), *scores)

    def _sample(self, sources: Sequence[Tokens]) -> dict[str, Any]:
        """The sources as one batch, padded on the left as fairseq-generate does."""
        pad, end = self.dictionary.pad(), self.dictionary.eos()
        rows = [torch.tensor([*source, end]) for source in sources]
        tokens: Tensor = data_utils.collate_tokens(rows, pad, end, left_pad=True)
        net_input = {"src_tokens": tokens, "src_lengths": torch.tensor([len(row) for row in rows])}
        return {"net_input": {name: tensor.to(self.device) for name, tensor in net_input.items()}}


def usable(device: torch.device | str) -> torch.device:
    """The device, after something was computed on it.

    Raises:
        UserError: it cannot be used.
    """
    try:
        torch.zeros(1, device=device).item()  # fails on "meta", which has no values
        return torch.device(device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise UserError(f"device={str(device)!r} cannot be used ({reason(error)}): use device='cpu'") from error
