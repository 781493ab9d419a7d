"""The token that greedy search writes at each place of a pass, and log-probabilities.

With a copy path, what is copied settles most places: a token that is copied with a greater probability than all others
together can have is the likeliest. The output layer is computed only for the other places, and in the end for those
whose log-probabilities are asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.runtime.graphs import Arrays, Graphs
from fairseq_asr_correct.runtime.shape import PAD

AT_ONCE = 32  # places, for which the output layer takes 16 MB
SMALLEST = 1e-30  # instead of the logarithm of 0
OFF = 0.005  # of a log-probability, less than products in 8 bits are off by
CLEARLY = math.exp(1e-3)  # how much likelier the likeliest must be, far above rounding errors
Numbers = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Chosen:
    """The choices at some places, which may belong to different sentences; they become known in place."""

    inputs: Arrays  #: of the output layer's graph: the decoder's outputs, ``source`` and ``asked``
    tokens: Numbers  #: the likeliest, ``(places,)``; PAD where it is not known
    scores: Scores  #: their log-probabilities; NaN where they are not known
    asked_scores: Scores  #: those of ``asked``

    @classmethod
    def of(cls, outputs: Arrays, source: Numbers, asked: Numbers, roughly: bool) -> "Chosen":
        """What is clear from what is copied.

        Args:
            outputs: the decoder's, at these places.
            source: of each place, ``(places, source)``.
            asked: a token at each place whose log-probability may be asked for, ``(places,)``.
            roughly: whether log-probabilities may be off by :data:`OFF`.
        """
        tokens, scores = np.full(len(source), PAD, np.int64), np.full(len(source), np.nan, np.float32)
        if "copied" in outputs:
            tokens, known = _clear(outputs, source)
            scores = np.where(roughly & (tokens == asked), known, np.nan)
        return cls(outputs | {"source": source, "asked": asked}, tokens, scores, scores.copy())

    @classmethod
    def joined(cls, parts: Sequence["Chosen"]) -> "Chosen":
        """The places of several, whose sources are padded alike."""
        inputs = {name: np.concatenate([one.inputs[name] for one in parts]) for name in parts[0].inputs}
        others = (np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(cls)[1:])
        return cls(inputs, *others)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, places: slice) -> "Chosen":
        """Some of the places, which share their memory with these."""
        inputs = {name: array[places] for name, array in self.inputs.items()}
        return Chosen(inputs, self.tokens[places], self.scores[places], self.asked_scores[places])

    def choose(self, graphs: Graphs) -> None:
        """Makes all tokens known."""
        self._compute(graphs, np.flatnonzero(self.tokens == PAD))

    def score(self, graphs: Graphs) -> None:
        """Makes all log-probabilities known."""
        self._compute(graphs, np.flatnonzero(np.isnan(self.scores)))

    def _compute(self, graphs: Graphs, places: Numbers) -> None:
        for first in range(0, len(places), AT_ONCE):
            some = places[first : first + AT_ONCE]
            found = graphs.output({name: array[some] for name, array in self.inputs.items()})
            if np.isnan(found["probabilities"]).any():
                raise UserError("the model computes probabilities that are not numbers: use another model")
            self.tokens[some] = found["tokens"]
            # ONNX Runtime's logarithm is another for the last numbers of an array, by a rounding error.
            self.scores[some] = np.log(found["probabilities"].clip(SMALLEST))
            self.asked_scores[some] = np.log(found["asked_probabilities"].clip(SMALLEST))


def _clear(outputs: Arrays, source: Numbers) -> tuple[Numbers, Scores]:
    """The tokens that are clearly the likeliest by what is copied, and their log-probabilities; elsewhere PAD and NaN.

    The log-probability is only given where it is known up to :data:`OFF`, whatever the output layer may say.
    """
    shares = outputs["shares"] * outputs["copied"][:, None] * (source != PAD)
    places = np.arange(len(source)), shares.argmax(axis=1)
    best, tokens = shares[places], source[places]
    others = np.where(source == tokens[:, None], 0, shares).max(axis=1)
    left = 1 - outputs["copied"]
    clear = best > (others + left) * CLEARLY
    scores = np.log(np.where(clear, best + left / 2, 1))
    return np.where(clear, tokens, PAD), np.where(clear & (left < 2 * OFF * best), scores, np.nan)
