"""What corrects: a model with its decision, on texts that it cuts into parts and corrects in batches."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.corrections import Correction, joined, unchanged
from fairseq_asr_correct.corrector.decider import Decider
from fairseq_asr_correct.corrector.parts import Cutter, Part, heard_by_part
from fairseq_asr_correct.corrector.seq2seq import Seq2Seq
from fairseq_asr_correct.corrector.term_choice import EachTerms, chosen, lists_of
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.tokens.search import Search
from fairseq_asr_correct.transcripts.word_confidence import checked

NOTHING = object()
WINDOW = 100  # batches whose texts are read ahead and sorted by length together
Heard = Sequence[float] | None  # how sure a recognizer is of each word
EachHeard = Iterable[Heard] | None


class Engine:
    """A model with all that a :class:`~.corrector.Corrector` needs of it. Nothing in it changes.

    Args:
        model: the model.
        longest: the most tokens in a part of a text (default: as many as the model reads).
        plain: take words exactly as they are.
        keep_style: leave what is no error but style, if the model is of English.
        disfluencies: with ``keep_style``, leave hesitations and repeated words too.
        terms: of every text that comes without a list.

    Raises:
        UserError: the model does not read word pieces.
    """

    def __init__(
        self,
        model: Seq2Seq,
        longest: int | None = None,
        plain: bool = False,
        keep_style: bool = True,
        disfluencies: bool = True,
        terms: TermList | None = None,
    ) -> None:
        self.model, self.terms = model, terms
        self.cutter = Cutter(model.dictionary, min(model.longest, longest or model.longest), plain)
        style = keep_style and self.cutter.english
        self.rule = replace(model.rule or Rule(), style=style, disfluencies=disfluencies)
        self._decider = Decider(model, self.rule)

    def search(self, batch_size: int, beam: int | None, decoding: str | None, nbest: int | None = None) -> Search:
        """Checked options of a search with this model.

        Raises:
            UserError: an option is wrong, or the model does not have it.
        """
        return Search.of(batch_size, beam, decoding, nbest, self.model.decodings)

    def corrections(
        self, texts: Iterator[str], search: Search, terms: EachTerms = None, heard: EachHeard = None
    ) -> Iterator[Correction]:
        """The corrections of a stream of texts, before what is done to them in the end.

        Args:
            texts: any number of them.
            search: how to decode.
            terms: a list of terms, or an iterable with one for each text; without it, the engine's own.
            heard: for each text, how sure its recognizer is of each word, or None.

        Raises:
            TypeError: an input is not text, or terms are no terms.
            UserError: word confidences do not fit a text, a term cannot be one, or the model computes NaN.
        """
        terms = self.terms if terms is None else terms
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
        model = self.model.for_search(search)
        decider = self._decider if model is self.model else Decider(model, self.rule)
        write = model.writer(search)
        for first in range(0, len(rows), search.batch_size):
            some = rows[first : first + search.batch_size]
            batch = [parts[row] for row in some]
            sure = [heard[row] if heard else None for row in some]
            outputs = write([part.tokens for part in batch])
            if search.nbest:
                found = decider.explained(batch, outputs, sure, search.evidence)
            else:
                found = decider.corrected(batch, outputs, sure)
            for row, correction in zip(some, found, strict=True):
                corrections[row] = correction
        return corrections
