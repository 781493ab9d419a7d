"""A corrector for Python programs: text in, corrected text out, and nothing lost on the way."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast, overload

import torch
from fairseq.data import data_utils

from fairseq_asr_correct.corrector.corrections import Correction, Explainer, corrected, joined, unchanged
from fairseq_asr_correct.corrector.parts import Cutter, Part
from fairseq_asr_correct.decoding.search import INPUT_GUIDED, Search
from fairseq_asr_correct.decoding.words import continuations
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.formats.ctranslate2.opening import generator_of, is_ctranslate2, load_ctranslate2
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task
from fairseq_asr_correct.formats.shipped import shipped_model

WINDOW = 100  # batches whose texts are read ahead, and sorted together
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class Corrector:
    """Corrects what a recognizer wrote; made by :meth:`from_pretrained`.

    Nothing in it changes after it is made, so that several threads can share one.

    Args:
        pretrained: a model with its task, which says what corrections to take.
        device: where it computes.
        longest: see :meth:`from_pretrained`.

    Raises:
        UserError: the model does not read word pieces.
    """

    def __init__(self, pretrained: Pretrained, device: torch.device | str = "cpu", longest: int | None = None) -> None:
        self._device = _usable(device)
        self._model = cast(Any, pretrained.model).to(self._device).eval()  # of fairseq, which has no types
        self._task = pretrained.task
        self._dictionary = dictionary = pretrained.dictionary
        cfg = self._task.cfg
        self._guided_task = make_task(dictionary, cfg.keep_threshold, cfg.keep_scope, INPUT_GUIDED)
        places = min(self._model.max_positions()) - 1  # one is for the end of sentence
        self._cutter = Cutter(dictionary, min(places, longest or places))
        self._continues = continuations(dictionary)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | str | None = None,
        keep_threshold: float | None = None,
        longest: int | None = None,
    ) -> "Corrector":
        """The corrector in a folder of ``scripts/export_model.py`` or ``export_ctranslate2.py``, or of a training.

        A training's folder is that of its checkpoints or the one around it, and ``checkpoint_best.pt`` is taken
        before ``checkpoint_last.pt``. The dictionary is ``dict.txt`` beside the checkpoint or a folder above, or
        in the data folder of the training; a ``keep.json`` can lie in the first two places.

        Args:
            folder: the model that comes with the package by default. It may come from a stranger: nothing in it can
                run.
            device: such as "cpu", "cuda" or "cuda:1".
            dtype: to compute in, "float32" (the default; CTranslate2's is as the folder was written, and what is int8
                stays so), "float16" or "bfloat16".
            keep_threshold: take a change only where the model prefers it to the input by this margin of
                log-probability; ``-math.inf`` takes all of them (default: as the folder's ``keep.json`` says,
                and all of them without one).
            longest: how many pieces a part of a text has at most; a longer text is corrected in several parts, and a
                word with more stays as it is (default: as many as the model has positions for).

        Raises:
            UserError: the folder is damaged or lacks a file, the model is of another architecture, or the device
                or one of the other arguments cannot be used.
        """
        name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise UserError(f"dtype={dtype!r}: give one of {', '.join(DTYPES)}")
        if keep_threshold is not None and (not isinstance(keep_threshold, int | float) or math.isnan(keep_threshold)):
            raise UserError(f"keep_threshold={keep_threshold!r}: give a number")
        if longest is not None and (type(longest) is not int or longest < 1):
            raise UserError(f"longest={longest!r}: give a whole number from 1 up")
        folder = shipped_model() if folder is None else folder
        if is_ctranslate2(folder):
            pretrained, device = load_ctranslate2(folder, device, dtype), "cpu"  # the other device is not torch's
        else:
            device, pretrained = _usable(device), load_any(folder, DTYPES[name])
        if keep_threshold is not None:
            task = make_task(pretrained.dictionary, keep_threshold, pretrained.task.cfg.keep_scope)
            pretrained = Pretrained(pretrained.model, task)
        return cls(pretrained, device, longest)

    @overload
    def correct(  # type: ignore[overload-overlap]  # a str is an Iterable[str] too, and comes first
        self, texts: str, batch_size: int = ..., beam: int | None = ..., decoding: str | None = ...
    ) -> str: ...
    @overload
    def correct(
        self, texts: Iterable[str], batch_size: int = ..., beam: int | None = ..., decoding: str | None = ...
    ) -> list[str]: ...

    def correct(
        self, texts: str | Iterable[str], batch_size: int = 32, beam: int | None = None, decoding: str | None = None
    ) -> str | list[str]:
        """Corrects one text, or each of several.

        White space becomes single spaces; a text of nothing else stays as it is. So does a word that the
        dictionary cannot spell, such as one with a capital in an uncased model: what stands before it and after
        it is corrected apart. A text longer than the model's positions, or than ``longest``, is corrected in parts.

        Args:
            texts: one text, or any number.
            batch_size: how many pieces of text are corrected at once.
            beam: how many beginnings of a correction are kept while searching (default: 4; 1 if input-guided).
            decoding: "beam" for fairseq's search (the default), or "input-guided", which writes what it writes
                with a beam of 1, in fewer passes of the decoder.

        Returns:
            A text for one text, and a list for several: one for each, in their order.

        Raises:
            TypeError: there is something else than text.
            UserError: batch_size or beam is no whole number from 1 up, the decoding is not there or has no beam, or
                the model computes what is no number.
        """
        if isinstance(texts, str):
            return next(self.stream([texts], batch_size, beam, decoding))
        return list(self.stream(texts, batch_size, beam, decoding))

    def stream(
        self, texts: Iterable[str], batch_size: int = 32, beam: int | None = None, decoding: str | None = None
    ) -> Iterator[str]:
        """Corrects texts as they come, however many there are.

        ``100 * batch_size`` of them are read, corrected, and handed out before the next are read.

        Args:
            texts: any number, even without end.
            batch_size: see :meth:`correct`, as for all that follows.
            beam: see there.
            decoding: see there.

        Returns:
            A text for each, in their order.

        Raises:
            TypeError: see there; also for one text instead of several.
            UserError: see there.
        """
        if isinstance(texts, str):
            raise TypeError("texts is one text: give several, or use correct")
        corrections = self._corrections(iter(texts), Search.of(batch_size, beam, decoding))
        return (correction.after for correction in corrections)

    @overload
    def explain(  # type: ignore[overload-overlap]
        self, texts: str, batch_size: int = ..., beam: int | None = ..., decoding: str | None = ..., nbest: int = ...
    ) -> Correction: ...
    @overload
    def explain(
        self,
        texts: Iterable[str],
        batch_size: int = ...,
        beam: int | None = ...,
        decoding: str | None = ...,
        nbest: int = ...,
    ) -> list[Correction]: ...

    def explain(
        self,
        texts: str | Iterable[str],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        nbest: int = 1,
    ) -> Correction | list[Correction]:
        """Corrects as :meth:`correct` does, and says what was changed and how sure the model is of each change.

        That takes a pass more for texts that are changed, unless the search has told all scores. A change's confidence
        is the logistic function of the margin by which the model prefers it to the input; see
        :mod:`~fairseq_asr_correct.decoding.keep`.

        Args:
            texts: see :meth:`correct`, as for all but the last.
            batch_size: see there.
            beam: see there.
            decoding: see there.
            nbest: how many texts to give as alternatives, the correction being the first; fewer if the search did
                not find as many. Each has its log-probability: natural, of all its tokens and ends of sentences
                together; words that the dictionary cannot spell count nothing.

        Returns:
            A correction for one text, and a list for several: one for each, in their order.

        Raises:
            TypeError: see there.
            UserError: see there; also if nbest is no whole number from 1 up, or larger than beam.
        """
        search = Search.of(batch_size, beam, decoding, nbest)
        if isinstance(texts, str):
            return next(self._corrections(iter([texts]), search))
        return list(self._corrections(iter(texts), search))

    def cut(self, text: str) -> list[Part]:
        """The parts that :meth:`correct` makes of a text, for who wants to choose the batches.

        With :func:`~.parts.join`, ``join(corrector.correct_parts(corrector.cut(text)), text)`` is
        ``corrector.correct(text)``.
        """
        return list(self._cutter.cut(text))

    def correct_parts(
        self, parts: Sequence[Part], batch_size: int = 32, beam: int | None = None, decoding: str | None = None
    ) -> list[str]:
        """Corrects parts of texts.

        Args:
            parts: of :meth:`cut`, of any number of texts.
            batch_size: see :meth:`correct`, as for all that follows.
            beam: see there.
            decoding: see there.

        Returns:
            A text for each, in their order.

        Raises:
            UserError: see there.
        """
        return [correction.after for correction in self._correct_parts(parts, Search.of(batch_size, beam, decoding))]

    def _corrections(self, texts: Iterator[str], search: Search) -> Iterator[Correction]:
        window = WINDOW * search.batch_size
        for first in itertools.count(step=window):
            some = list(itertools.islice(texts, window))
            for number, one in enumerate(some, first):
                if not isinstance(one, str):
                    raise TypeError(f"texts[{number}] is of type {type(one).__name__}: give text alone")
            if not some:
                return
            yield from self._correct(some, search)

    def _correct(self, texts: list[str], search: Search) -> list[Correction]:
        """Of a window's texts."""
        layouts = [self.cut(one) for one in texts]
        following = iter(self._correct_parts([part for layout in layouts for part in layout], search))
        pieces = [list(itertools.islice(following, len(layout))) for layout in layouts]
        return [
            joined(one, some, search.nbest) if some else unchanged(one) for one, some in zip(texts, pieces, strict=True)
        ]

    @torch.inference_mode()
    def _correct_parts(self, parts: Sequence[Part], search: Search) -> list[Correction]:
        """Those alike in length together."""
        rows = sorted((row for row, part in enumerate(parts) if part.tokens), key=lambda row: len(parts[row].tokens))
        corrections = [unchanged(part.text) for part in parts]
        if not rows:
            return corrections
        decode = self._decoder(search)
        for first in range(0, len(rows), search.batch_size):
            some = rows[first : first + search.batch_size]
            batch = [parts[row] for row in some]
            try:
                decoded = decode(batch, self._sample(batch))
            except AssertionError as error:  # fairseq's, where a search has no end
                raise UserError("the model computes probabilities that are no numbers: take another") from error
            for row, correction in zip(some, decoded, strict=True):
                corrections[row] = correction
        return corrections

    def _decoder(self, search: Search) -> Callable[[Sequence[Part], dict[str, Any]], list[Correction]]:
        """Corrects a batch; one of its own for each call, as fairseq's search is allowed to remember things."""
        task = self._guided_task if search.guided else self._task
        generator = task.build_generator([self._model], search.flags(), **generator_of(self._model, search))
        if search.nbest:
            return Explainer(self._model, generator, self._dictionary, self._continues)
        return partial(corrected, self._model, generator, self._dictionary)

    def _sample(self, parts: Sequence[Part]) -> dict[str, Any]:
        """The parts as one batch, padded as fairseq-generate pads it."""
        dictionary = self._dictionary
        rows = [torch.tensor([*part.tokens, dictionary.eos()]) for part in parts]
        source = data_utils.collate_tokens(rows, dictionary.pad(), dictionary.eos(), left_pad=True)
        net_input = {"src_tokens": source, "src_lengths": torch.tensor([len(row) for row in rows])}
        return {"net_input": {name: tensor.to(self._device) for name, tensor in net_input.items()}}


def _usable(device: torch.device | str) -> torch.device:
    try:
        torch.zeros(1, device=device).item()  # "meta" has no numbers to give
        return torch.device(device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise UserError(f"device={str(device)!r} cannot be used ({reason(error)}): use device='cpu'") from error
