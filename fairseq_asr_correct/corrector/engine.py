"""What corrects: a model with its decision, on texts that it cuts into parts and corrects in batches."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
from fairseq.data import data_utils

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.corrections import Correction, Explainer, corrected, joined, unchanged
from fairseq_asr_correct.corrector.parts import Cutter, Part, heard_by_part
from fairseq_asr_correct.corrector.term_choice import EachTerms, chosen, lists_of
from fairseq_asr_correct.corrector.wordings import Changes
from fairseq_asr_correct.decoding.keep import HEARD
from fairseq_asr_correct.decoding.search import INPUT_GUIDED, Search
from fairseq_asr_correct.decoding.words import Words
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.ctranslate2.opening import generator_of
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task
from fairseq_asr_correct.transcripts.word_confidence import checked

FAIRSEQ = "fairseq"  # the task's name of beam search
NOTHING = object()
WINDOW = 100  # batches whose texts are read ahead and sorted by length together
Heard = Sequence[float] | None  # how sure a recognizer is of each word
EachHeard = Iterable[Heard] | None


class Engine:
    """A model with all that a :class:`~.corrector.Corrector` needs of it. Nothing in it changes.

    Args:
        pretrained: a model with its task, whose rule says which changes are taken.
        device: where to compute.
        longest: the most tokens in a part of a text (default: as many as the model has positions).
        plain: take words exactly as they are.
        keep_style: leave what is no error but style, if the model is of English.
        disfluencies: with ``keep_style``, leave hesitations and repeated words too.

    Raises:
        UserError: the model does not read word pieces.
    """

    def __init__(
        self,
        pretrained: Pretrained,
        device: torch.device,
        longest: int | None = None,
        plain: bool = False,
        keep_style: bool = True,
        disfluencies: bool = True,
    ) -> None:
        self.device = device
        self.model = cast(Any, pretrained.model).to(device).eval()  # of fairseq, which has no types
        self.dictionary = dictionary = pretrained.dictionary
        places = min(self.model.max_positions()) - 1  # one is for the end of the sentence
        self.cutter = Cutter(dictionary, min(places, longest or places), plain)
        style = keep_style and self.cutter.english
        self.rule = replace(pretrained.task.rule or Rule(), style=style, disfluencies=disfluencies)
        self.task, self.guided_task = (make_task(dictionary, self.rule, how) for how in (FAIRSEQ, INPUT_GUIDED))
        self._words = Words(dictionary)
        self._changes = Changes(dictionary, self._words.continues)

    def corrections(
        self, texts: Iterator[str], search: Search, terms: EachTerms = None, heard: EachHeard = None
    ) -> Iterator[Correction]:
        """The corrections of a stream of texts, before what is done to them in the end.

        Args:
            texts: any number of them.
            search: how to decode.
            terms: a list of terms, or an iterable with one for each text.
            heard: for each text, how sure its recognizer is of each word, or None.

        Raises:
            TypeError: an input is not text, or terms are no terms.
            UserError: word confidences do not fit a text, a term cannot be one, or the model computes NaN.
        """
        lists = None if terms is None else lists_of(terms)
        sure = itertools.repeat(None) if heard is None else iter(heard)
        window = WINDOW * search.batch_size
        for first in itertools.count(step=window):
            some = list(itertools.islice(texts, window))
            for number, one in enumerate(some, first):
                if not isinstance(one, str):
                    raise TypeError(f"texts[{number}] is of type {type(one).__name__}: give only text")
            if not some:
                if heard is not None and next(sure, NOTHING) is not NOTHING:
                    raise UserError("word_confidence goes on after the last text: give one, or None, for each")
                return
            given = zip(some, sure, strict=False)
            each = [
                None if numbers is None else checked([*map(float, numbers)], one, f"texts[{number}]")
                for number, (one, numbers) in enumerate(given, first)
            ]
            if len(each) < len(some):
                raise UserError(f"word_confidence ends before texts[{first + len(each)}]: give one, or None, for each")
            if lists is None:
                yield from self._correct(some, each, search)
            else:
                choices = chosen(some, lists)
                # A term may have other words than what it replaces.
                sides = zip(some, choices, each, strict=True)
                each = [numbers if choice.text == one else None for one, choice, numbers in sides]
                found = self._correct([choice.text for choice in choices], each, search)
                yield from (choice.with_model(one) for choice, one in zip(choices, found, strict=True))

    def _correct(self, texts: list[str], heard: Sequence[Heard], search: Search) -> list[Correction]:
        """The corrections of the texts in a window."""
        layouts = [list(self.cutter.cut(one)) for one in texts]
        sure = [some for layout, given in zip(layouts, heard, strict=True) for some in heard_by_part(layout, given)]
        following = iter(self.correct_parts([part for layout in layouts for part in layout], search, sure))
        pieces = [list(itertools.islice(following, len(layout))) for layout in layouts]
        return [
            joined(one, some, search.nbest) if some else unchanged(one) for one, some in zip(texts, pieces, strict=True)
        ]

    @torch.inference_mode()
    def correct_parts(
        self, parts: Sequence[Part], search: Search, heard: Sequence[list[float] | None] | None = None
    ) -> list[Correction]:
        """The corrections of parts; parts of similar length share a batch.

        Args:
            parts: of any number of texts.
            search: how to decode.
            heard: for each part, how sure its recognizer is of each word that the model reads; None for others.
        """
        rows = sorted((row for row, part in enumerate(parts) if part.tokens), key=lambda row: len(parts[row].tokens))
        corrections = [unchanged(part.text) for part in parts]
        if not rows:
            return corrections
        decode = self._decoder(search)
        for first in range(0, len(rows), search.batch_size):
            some = rows[first : first + search.batch_size]
            batch = [parts[row] for row in some]
            try:
                sample = self.sample(batch)
                if heard is not None:
                    sample[HEARD] = [heard[row] for row in some]
                decoded = decode(batch, sample)
            except AssertionError as error:  # fairseq's, when no hypothesis ends
                raise UserError("the model computes probabilities that are not numbers: use another model") from error
            for row, correction in zip(some, decoded, strict=True):
                corrections[row] = correction
        return corrections

    def _decoder(self, search: Search) -> Callable[[Sequence[Part], dict[str, Any]], list[Correction]]:
        """A function that corrects a batch; each call needs a new one, because fairseq's search keeps state."""
        task = self.guided_task if search.guided else self.task
        generator = task.build_generator([self.model], search.flags(), **generator_of(self.model, search))
        if search.nbest:
            return Explainer(self.model, generator, self.dictionary, self._words, self.rule, search.evidence)
        return partial(corrected, self.model, generator, self._changes)

    def sample(self, parts: Sequence[Part]) -> dict[str, Any]:
        """The parts as one batch, padded on the left as fairseq-generate does."""
        dictionary = self.dictionary
        rows = [torch.tensor([*part.tokens, dictionary.eos()]) for part in parts]
        source = data_utils.collate_tokens(rows, dictionary.pad(), dictionary.eos(), left_pad=True)
        net_input = {"src_tokens": source, "src_lengths": torch.tensor([len(row) for row in rows])}
        return {"net_input": {name: tensor.to(self.device) for name, tensor in net_input.items()}}
