"""The corrector for Python programs: text in, corrected text out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, overload

from fairseq_asr_correct.corrector.backends import asked_rule, check_longest, load_model, own_terms
from fairseq_asr_correct.corrector.corrections import Correction
from fairseq_asr_correct.corrector.engine import EachHeard, Engine, Heard
from fairseq_asr_correct.corrector.finish import PLAIN, Finish
from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.corrector.seq2seq import Seq2Seq
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.corrector.term_choice import EachTerms
from fairseq_asr_correct.english.regional import Region
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.term_list import TermList

if TYPE_CHECKING:
    import torch

Spelled = Spellings | Mapping[str, Iterable[str]] | None  # replacements that always hold


class Corrector:
    """Corrects the output of speech recognizers; :meth:`from_pretrained` makes one.

    Nothing in it changes afterwards, so several threads can share it.

    Args:
        model: what writes the corrections; its rule says which changes to take.
        longest: as for :meth:`from_pretrained`.
        plain: as for :meth:`from_pretrained`.
        finish: what is done to each text in the end.
        keep_style: as for :meth:`from_pretrained`.
        terms: of every text that comes without a list of its own.

    Raises:
        UserError: the model does not read word pieces.
    """

    def __init__(
        self,
        model: Seq2Seq,
        longest: int | None = None,
        plain: bool = False,
        finish: Finish = PLAIN,
        keep_style: bool = True,
        terms: TermList | None = None,
    ) -> None:
        self.finish = finish
        self.engine = Engine(model, longest, plain, keep_style, not finish.remove_disfluencies, terms)

    @property
    def terms(self) -> TermList | None:
        """The terms of every text that comes without a list of its own, if the folder has some."""
        return self.engine.terms

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path | None = None,
        device: "torch.device | str" = "cpu",
        dtype: "torch.dtype | str | None" = None,
        keep_threshold: float | None = None,
        longest: int | None = None,
        plain: bool = False,
        min_confidence: float | None = None,
        decision: str | Path | None = None,
        keep_style: bool = True,
        spelling: Region | None = None,
        remove_disfluencies: bool = False,
        threads: int | None = None,
        domain: str | Path | None = None,
    ) -> "Corrector":
        """Loads a corrector: a folder that ``asr-correct export`` wrote, a training's folder, or a checkpoint.

        In a training's folder, or its ``checkpoints``, ``checkpoint_best.pt`` is preferred to ``checkpoint_last.pt``.
        The dictionary is ``dict.txt`` beside the checkpoint or one folder above, or the one in the training's data
        folder. ``decision.json``, which says which changes are taken, is looked for in the first two of these places;
        so are ``keep.json`` of earlier versions, and ``terms.txt``, the terms of all texts that come without a list.

        Args:
            folder: where the model is (default: the model that comes with the package). It may come from a stranger:
                nothing in it can run.
            device: such as "cpu", "cuda" or "cuda:1".
            dtype: number type for torch to compute in: "float32", "float16" or "bfloat16". By default an exported
                folder in int8 or float32 is computed on ONNX Runtime, as it was exported, if the device is the CPU, and
                torch is only loaded for a beam; others are computed in float32. A CTranslate2 folder by default
                computes in the type that it was written in, and its int8 matrices stay int8.
            keep_threshold: take a change only where the model prefers it to the input by this margin of
                log-probability (natural), whatever the folder says; ``-math.inf`` takes every change but style.
            longest: the most word pieces in a part of a text. A longer text is corrected in several parts, and a
                longer word stays as it is (default: as many as the model has positions).
            plain: take words exactly as they are, for text without capitals and marks: a word that the vocabulary
                cannot spell stays and cuts the text, and so does one with marks if the vocabulary has no capitals.
            min_confidence: take a change only where it is at least so likely, from 0 to 1, to lower the number of word
                errors (default: as ``decision.json`` says). In a folder without it, the likelihood is the logistic
                function of the margin.
            decision: a ``decision.json`` of ``asr-correct tune`` (default: the folder's).
            keep_style: leave what is no error but style, in English: variants of spelling, hesitations, repeated words,
                dialect, and words unlike any that become something else.
            spelling: "british" or "american": write words that have two spellings in this one, whether the model
                changes anything or not (default: each stays as it is spelled).
            remove_disfluencies: take out hesitations and words that are said twice (default: the model leaves them).
            threads: how many CPU threads compute (default: one for each core, or as torch is set). torch has one
                number for the whole process.
            domain: a folder of ``asr-correct export --to domain`` that was made with this model. The model gets the
                domain's weights, and the domain's ``decision.json`` and ``terms.txt`` count in place of the model's.

        Raises:
            UserError: the folder is damaged or lacks a file, the model has another architecture, or the device
                or another argument cannot be used.
        """
        choose = asked_rule(keep_threshold, min_confidence, decision)
        check_longest(longest)
        folder = shipped_model() if folder is None else folder
        model = load_model(folder, device, dtype, threads, domain)
        terms = own_terms(folder, domain)
        model.rule = choose(model.rule)
        finish = Finish(spelling, remove_disfluencies)
        return cls(model, longest, plain, finish, keep_style, terms)

    @overload
    def correct(  # type: ignore[overload-overlap]  # a str is an Iterable[str] too, and comes first
        self,
        texts: str,
        batch_size: int = ...,
        beam: int | None = ...,
        decoding: str | None = ...,
        terms: EachTerms = ...,
        spellings: Spelled = ...,
        word_confidence: Heard = ...,
    ) -> str: ...
    @overload
    def correct(
        self,
        texts: Iterable[str],
        batch_size: int = ...,
        beam: int | None = ...,
        decoding: str | None = ...,
        terms: EachTerms = ...,
        spellings: Spelled = ...,
        word_confidence: EachHeard = ...,
    ) -> list[str]: ...

    def correct(
        self,
        texts: str | Iterable[str],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        terms: EachTerms = None,
        spellings: Spelled = None,
        word_confidence: Heard | EachHeard = None,
    ) -> str | list[str]:
        """Corrects one text, or each of several.

        White space becomes single spaces; a text of white space alone stays as it is. The model reads each word
        without the marks around it, and in lower case if it knows no capitals. What it leaves alone comes back to the
        letter. What it changes takes the marks and the case of what it replaces. Numbers, words with marks in them,
        addresses, tags and words that the dictionary cannot spell are never changed. A text longer than the model's
        positions, or than ``longest``, is corrected in parts.

        Args:
            texts: one text, or several.
            batch_size: how many texts, or parts of texts, to correct at once.
            beam: beam size of the search (default: 4; 1 with input-guided).
            decoding: "beam" for fairseq's beam search, or "input-guided", which gives the same output as a beam of 1 in
                fewer passes of the decoder (default: "input-guided" on ONNX Runtime, unless ``beam`` or ``nbest`` is
                greater; "beam" in torch).
            terms: words and phrases as they should be written, a :class:`~fairseq_asr_correct.TermList` or any
                sequence; or an iterable of such lists, one for each text. What looks or sounds like a term becomes it
                before the model reads the text, and the model does not change it (default: the folder's, if it has
                a ``terms.txt``; an empty list is none).
            spellings: replacements that always hold, made after the correction: for each text as it should be written,
                what it replaces, such as ``{"CAPEX": ["cap x", "copics"]}``; many are faster as
                :class:`~fairseq_asr_correct.terms.spellings.Spellings`, made once.
            word_confidence: how sure the recognizer is of each word that white space separates, from 0 to 1; for
                several texts, an iterable with such a sequence, or None, for each. A decision that knows such numbers
                takes more changes where the recognizer is in doubt, and fewer where it is sure.

        Returns:
            The corrected text for one text, or a list of corrected texts, in the order of the input.

        Raises:
            TypeError: an input is not text, or terms are no terms.
            UserError: ``batch_size`` or ``beam`` is not a whole number from 1 up, there is no such decoding or it
                has no such beam, a term cannot be one, the spellings contradict each other, the word confidences do
                not fit a text, or the model computes NaN.
        """
        if isinstance(texts, str):
            one = [texts], batch_size, beam, decoding, terms, spellings, [cast(Heard, word_confidence)]
            return next(self.stream(*one))
        several = cast(EachHeard, word_confidence)
        return list(self.stream(texts, batch_size, beam, decoding, terms, spellings, several))

    def stream(
        self,
        texts: Iterable[str],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        terms: EachTerms = None,
        spellings: Spelled = None,
        word_confidence: EachHeard = None,
    ) -> Iterator[str]:
        """Corrects a stream of texts, of any length.

        It reads ``100 * batch_size`` texts at a time, and yields their corrections before it reads more.

        Args:
            texts: any number of texts, even without end.
            batch_size: as for :meth:`correct`.
            beam: as for :meth:`correct`.
            decoding: as for :meth:`correct`.
            terms: as for :meth:`correct`.
            spellings: as for :meth:`correct`.
            word_confidence: as for :meth:`correct`.

        Returns:
            An iterator over the corrected texts, in the order of the input.

        Raises:
            TypeError: ``texts`` is a single text, or an input is not text.
            UserError: as for :meth:`correct`.
        """
        if isinstance(texts, str):
            raise TypeError("texts is a single text: give an iterable of texts, or use correct")
        search = self.engine.search(batch_size, beam, decoding)
        corrections = self.engine.corrections(iter(texts), search, terms, word_confidence)
        finish = self.finish.with_spellings(spellings)
        return (finish.apply(correction.after) for correction in corrections)

    @overload
    def explain(  # type: ignore[overload-overlap]
        self,
        texts: str,
        batch_size: int = ...,
        beam: int | None = ...,
        decoding: str | None = ...,
        nbest: int = ...,
        terms: EachTerms = ...,
        spellings: Spelled = ...,
        word_confidence: Heard = ...,
    ) -> Correction: ...
    @overload
    def explain(
        self,
        texts: Iterable[str],
        batch_size: int = ...,
        beam: int | None = ...,
        decoding: str | None = ...,
        nbest: int = ...,
        terms: EachTerms = ...,
        spellings: Spelled = ...,
        word_confidence: EachHeard = ...,
    ) -> list[Correction]: ...

    def explain(
        self,
        texts: str | Iterable[str],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        nbest: int = 1,
        terms: EachTerms = None,
        spellings: Spelled = None,
        word_confidence: Heard | EachHeard = None,
    ) -> Correction | list[Correction]:
        """Corrects as :meth:`correct` does, and reports each change and how sure the model is of it.

        Texts that change need one more pass of the decoder, unless the search has computed all scores. The confidence
        of a change is the probability that it lowers the number of word errors; in a folder without ``decision.json``,
        it is the logistic function of the margin by which the model prefers the change to the input.

        Args:
            texts: as for :meth:`correct`.
            batch_size: as for :meth:`correct`.
            beam: as for :meth:`correct`.
            decoding: as for :meth:`correct`.
            nbest: the most alternatives to give for each text; the first is the correction. Each has its
                log-probability: natural, summed over its tokens and ends of sentences. Words that the dictionary
                cannot spell count as 0. With terms, it is the log-probability given the text with its terms.
            terms: as for :meth:`correct`. An edit that writes a term names it.
            spellings: as for :meth:`correct`. Where a spelling alone changes words, the confidence is 1.
            word_confidence: as for :meth:`correct`.

        Returns:
            A correction for one text, or a list of corrections, in the order of the input.

        Raises:
            TypeError: as for :meth:`correct`.
            UserError: as for :meth:`correct`; also if ``nbest`` is not a whole number from 1 up, or is larger than
                ``beam``.
        """
        search = self.engine.search(batch_size, beam, decoding, nbest)
        finish = self.finish.with_spellings(spellings)
        if isinstance(texts, str):
            heard = [cast(Heard, word_confidence)]
            return spelled(next(self.engine.corrections(iter([texts]), search, terms, heard)), finish)
        several = self.engine.corrections(iter(texts), search, terms, cast(EachHeard, word_confidence))
        return [spelled(correction, finish) for correction in several]

    def weighed(
        self,
        texts: Iterable[str],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        word_confidence: EachHeard = None,
    ) -> list[Correction]:
        """As :meth:`explain`, with the evidence of each edit, for whoever fits a decision.

        Args:
            texts: several texts.
            batch_size: as for :meth:`correct`.
            beam: as for :meth:`correct`.
            decoding: as for :meth:`correct`.
            word_confidence: as for :meth:`correct`.

        Returns:
            Corrections whose edits are :class:`~.corrections.WeighedEdit`.

        Raises:
            UserError: as for :meth:`correct`.
        """
        search = replace(self.engine.search(batch_size, beam, decoding, 1), evidence=True)
        return list(self.engine.corrections(iter(texts), search, (), word_confidence))

    def cut(self, text: str) -> list[Part]:
        """The parts into which :meth:`correct` cuts a text, for callers that form their own batches.

        With :func:`~.parts.join`, ``join(corrector.correct_parts(corrector.cut(text)), text)`` is
        ``corrector.correct(text)``.
        """
        return list(self.engine.cutter.cut(text))

    def correct_parts(
        self, parts: Sequence[Part], batch_size: int = 32, beam: int | None = None, decoding: str | None = None
    ) -> list[str]:
        """Corrects parts of texts.

        Args:
            parts: what :meth:`cut` gives, of any number of texts.
            batch_size: as for :meth:`correct`.
            beam: as for :meth:`correct`.
            decoding: as for :meth:`correct`.

        Returns:
            The corrected text of each part, in order.

        Raises:
            UserError: as for :meth:`correct`.
        """
        search = self.engine.search(batch_size, beam, decoding)
        return [correction.after for correction in self.engine.correct_parts(parts, search)]
