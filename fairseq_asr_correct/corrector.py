"""A corrector for Python programs: text in, corrected text out, and nothing lost on the way."""

import itertools
import math
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import torch
from fairseq.data import data_utils

from fairseq_asr_correct.decoding.words import SENTENCEPIECE, text
from fairseq_asr_correct.encoders.wordpiece import WordPiece
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pretrained import Pretrained, load, make_task

WINDOW = 100  # batches whose texts are sorted together
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FLAGS = {"lenpen": 0, "min_len": 0, "max_len_a": 1, "max_len_b": 50}  # as README's fairseq-generate


class Part(NamedTuple):
    """Some words of a text, corrected apart from the rest of it."""

    text: str
    tokens: list[int]  #: what they are spelled with; empty if they stay as they are


class Corrector:
    """Corrects what a recognizer wrote; made by :meth:`from_pretrained`.

    Nothing in it changes after it is made, so that several threads can share one.

    Args:
        pretrained: a model with its task, which says what corrections to take.
        device: where it computes.

    Raises:
        UserError: the model does not read word pieces.
    """

    def __init__(self, pretrained: Pretrained, device: torch.device | str = "cpu") -> None:
        self._device = _usable(device)
        self._model = pretrained.model.to(self._device).eval()
        self._task = pretrained.task
        self._dictionary = dictionary = pretrained.dictionary
        if any(symbol.startswith(SENTENCEPIECE) for symbol in dictionary.symbols):
            raise UserError("this model reads sentencepiece's pieces, not word pieces: use fairseq-interactive")
        self._wordpiece = WordPiece(dictionary.symbols[dictionary.nspecial :])
        self._longest = min(self._model.max_positions()) - 1  # one place is for the end of sentence

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | str | None = None,
        keep_threshold: float | None = None,
    ) -> "Corrector":
        """The corrector in a folder that ``scripts/export_model.py`` wrote.

        Args:
            folder: it may come from a stranger: nothing in it can run.
            device: such as "cpu", "cuda" or "cuda:1".
            dtype: to compute in, "float32" (the default), "float16" or "bfloat16".
            keep_threshold: take a change only where the model prefers it to the input by this margin of
                log-probability; ``-math.inf`` takes all of them (default: as the folder's ``keep.json`` says,
                and all of them without one).

        Raises:
            UserError: the folder is damaged, or the device or one of the other arguments cannot be used.
        """
        device, name = _usable(device), "float32" if dtype is None else str(dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise UserError(f"dtype={dtype!r}: give one of {', '.join(DTYPES)}")
        if keep_threshold is not None and (not isinstance(keep_threshold, int | float) or math.isnan(keep_threshold)):
            raise UserError(f"keep_threshold={keep_threshold!r}: give a number")
        pretrained = load(folder, DTYPES[name])
        if keep_threshold is not None:
            task = make_task(pretrained.dictionary, keep_threshold, pretrained.task.cfg.keep_scope)
            pretrained = Pretrained(pretrained.model, task)
        return cls(pretrained, device)

    @overload
    def correct(self, texts: str, batch_size: int = ..., beam: int = ...) -> str: ...
    @overload
    def correct(self, texts: Iterable[str], batch_size: int = ..., beam: int = ...) -> list[str]: ...

    def correct(self, texts: str | Iterable[str], batch_size: int = 32, beam: int = 4) -> str | list[str]:
        """Corrects one text, or each of several.

        White space becomes single spaces; a text of nothing else stays as it is. So does a word that the
        dictionary cannot spell, such as one with a capital in an uncased model: what stands before it and after
        it is corrected apart. A text longer than the model's positions is corrected in pieces.

        Args:
            texts: one text, or any number.
            batch_size: how many pieces of text are corrected at once.
            beam: how many beginnings of a correction are kept while searching.

        Returns:
            A text for one text, and a list for several: one for each, in their order.

        Raises:
            TypeError: there is something else than text.
            UserError: batch_size or beam is no whole number from 1 up.
        """
        for name, value in (("batch_size", batch_size), ("beam", beam)):
            if type(value) is not int or value < 1:
                raise UserError(f"{name}={value!r}: give a whole number from 1 up")
        if isinstance(texts, str):
            return self._correct([texts], batch_size, beam)[0]
        texts = list(texts)
        for number, one in enumerate(texts):
            if not isinstance(one, str):
                raise TypeError(f"texts[{number}] is of type {type(one).__name__}: give text alone")
        window = WINDOW * batch_size
        windows = (texts[first : first + window] for first in range(0, len(texts), window))
        return [corrected for some in windows for corrected in self._correct(some, batch_size, beam)]

    @torch.inference_mode()
    def _correct(self, texts: list[str], batch_size: int, beam: int) -> list[str]:
        """Of a window's texts, the parts alike in length together."""
        layouts = [list(self._parts(one)) for one in texts]
        parts = [part for layout in layouts for part in layout]
        rows = sorted((row for row, part in enumerate(parts) if part.tokens), key=lambda row: len(parts[row].tokens))
        corrected = [part.text for part in parts]
        # A generator of its own: fairseq's search is allowed to remember things.
        generator = self._task.build_generator([self._model], Namespace(beam=beam, **FLAGS)) if rows else None
        for first in range(0, len(rows), batch_size):
            some = rows[first : first + batch_size]
            for row, after in zip(some, self._decode([parts[row] for row in some], generator), strict=True):
                corrected[row] = after
        following = iter(corrected)
        joined = (" ".join(filter(None, itertools.islice(following, len(layout)))) for layout in layouts)
        return [after if layout else one for one, layout, after in zip(texts, layouts, joined, strict=True)]

    def _decode(self, parts: Sequence[Part], generator: Any) -> list[str]:
        """Corrects the parts as one batch, padded as fairseq-generate pads it."""
        dictionary = self._dictionary
        rows = [torch.tensor([*part.tokens, dictionary.eos()]) for part in parts]
        source = data_utils.collate_tokens(rows, dictionary.pad(), dictionary.eos(), left_pad=True)
        net_input = {"src_tokens": source, "src_lengths": torch.tensor([len(row) for row in rows])}
        sample = {"net_input": {name: tensor.to(self._device) for name, tensor in net_input.items()}}
        best = [beams[0]["tokens"].cpu() for beams in generator.generate([self._model], sample)]
        # <unk> is no word: where the model writes it, it has nothing to say.
        return [
            part.text if tokens.eq(dictionary.unk()).any() else text(dictionary, tokens)
            for part, tokens in zip(parts, best, strict=True)
        ]

    def _parts(self, one: str) -> Iterator[Part]:
        """A text cut into parts; joined with spaces they are the text again."""
        spelled = [(word, self._spell(word)) for word in one.split()]
        for known, group in itertools.groupby(spelled, key=lambda pair: bool(pair[1])):
            run = list(group)
            for words in self._short_enough(run) if known else [run]:
                yield Part(" ".join(word for word, _ in words), [token for _, tokens in words for token in tokens])

    def _spell(self, word: str) -> list[int]:
        """The word's tokens; none if the dictionary cannot spell it or the model has no room for it."""
        try:
            tokens = list(map(self._dictionary.index, self._wordpiece.encode(word).split(" ")))
        except UnicodeEncodeError:  # half of a character
            return []
        return tokens if min(tokens) >= self._dictionary.nspecial and len(tokens) <= self._longest else []

    def _short_enough(self, words: list[tuple[str, list[int]]]) -> Iterator[list[tuple[str, list[int]]]]:
        """The words, halved between two of them as often as the model's positions ask for."""
        ends = list(itertools.accumulate(len(tokens) for _, tokens in words))
        if ends[-1] <= self._longest:
            yield words
            return
        middle = min(range(1, len(words)), key=lambda i: abs(2 * ends[i - 1] - ends[-1]))
        yield from self._short_enough(words[:middle])
        yield from self._short_enough(words[middle:])


def _usable(device: torch.device | str) -> torch.device:
    try:
        torch.empty(0, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"device={str(device)!r} cannot be used ({first_line}): use device='cpu'") from error
