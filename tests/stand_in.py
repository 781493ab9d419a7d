"""Correctors of which torch computes what a graph would, behind the interface of the graphs."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.fairseq_model import FairseqModel
from fairseq_asr_correct.corrector.onnx_model import OnnxModel
from fairseq_asr_correct.tokens.search import Search

GUIDED = Search.of(32, None, "input-guided")


class Written(NamedTuple):
    tokens: list[int]
    scores: list[float]
    source_scores: list[float] | None


class StandIn:
    """Computes with torch what a graph would."""

    def __init__(self, model: FairseqModel) -> None:
        self.model = model
        self.scored: list[bool] = []
        self.targets = 0

    def decode(self, sources: Sequence[Sequence[int]], scored: bool = True) -> list[Written]:
        self.scored.append(scored)
        found = [best for best, *_ in self.model.writer(GUIDED)(sources)]
        changed = [list(source) != one.tokens for source, one in zip(sources, found, strict=True)]
        scores = [list(one.scores or ()) if scored or new else [] for one, new in zip(found, changed, strict=True)]
        return [Written(one.tokens, some, one.source_scores) for one, some in zip(found, scores, strict=True)]

    def score(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[Sequence[float]]:
        self.targets += len(targets)
        return self.model.score(sources, targets)


class Pair(NamedTuple):
    """A corrector of one model and rule with torch, and the same without."""

    torch: Corrector
    onnx: Corrector
    stand_in: StandIn


def both(corrector: Corrector, rule: Rule, **options: object) -> Pair:
    model = copy.copy(corrector.engine.model)
    model.rule = rule
    stand_in = StandIn(model)
    onnx = OnnxModel(stand_in, model.dictionary.symbols, model.longest, rule)
    return Pair(Corrector(model, **options), Corrector(onnx, **options), stand_in)
