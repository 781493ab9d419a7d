"""What each process of ``asr-correct correct`` does: lines in, corrected lines out."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands.arguments import choice_of
from fairseq_asr_correct.corrector.backends import DTYPES, on_onnx_runtime
from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.tokens.search import BEAM
from fairseq_asr_correct.transcripts.nbest import Hypotheses, read_hypotheses
from fairseq_asr_correct.transcripts.rewriting import Transcript

if TYPE_CHECKING:
    from fairseq_asr_correct.candidates.second_opinion import SecondOpinion


BATCHES = 16  # how many a worker gets, and the journal keeps, together


class Said(NamedTuple):
    """What the corrector reads of a line."""

    text: str
    terms: tuple[str, ...] | None = None  #: its own terms, if it has some
    hypotheses: Hypotheses | None = None  #: its recognizer's, for a language model
    heard: tuple[float, ...] | None = None  #: how sure the recognizer is of each word, if it says so


def make_worker(args: argparse.Namespace) -> Callable[[list[Said]], list[str]]:
    """A function that corrects texts, with its own model."""
    listed = None if args.terms is None else TermList.read(args.terms)
    spellings = Spellings.read(args.spellings) if args.spellings else Spellings()
    if args.terms_only:
        finish = Finish(args.spelling, args.remove_disfluencies, spellings)
        return lambda some: [finish.apply(one.after) for one in correct_terms(*split(some, listed or TermList()))]
    threads: dict[str, Any] = {"threads": 1} if args.workers > 1 or args.ray else {}
    corrector = Corrector.from_pretrained(
        args.model, args.device, args.dtype, plain=args.plain, domain=args.domain, **choice_of(args), **threads
    )
    terms = (corrector.terms if listed is None else listed) or TermList()
    how: dict[str, Any] = {"batch_size": args.batch_size, "beam": args.beam, "decoding": args.decoding}
    if args.language_model:
        import torch

        from fairseq_asr_correct.candidates.second_opinion import SecondOpinion  # which loads transformers

        if threads:
            torch.set_num_threads(1)  # for the language model, whatever the corrector runs on
        dtype = getattr(torch, args.dtype or DTYPES[0])
        opinion = SecondOpinion.of(corrector, args.language_model, args.model, args.device, dtype)
        return partial(second_opinion, opinion, terms, corrector.finish.with_spellings(spellings), how)
    if args.spellings:
        how["spellings"] = spellings
    correct = partial(corrector.correct, **how)

    def worker(some: list[Said]) -> list[str]:
        texts, lists = split(some, terms)
        heard = [one.heard for one in some]
        own: dict[str, Any] = {"terms": lists} if any(lists) or corrector.terms else {}
        return correct(texts, **own, **({"word_confidence": heard} if any(heard) else {}))

    return worker


def slow_modules(args: argparse.Namespace) -> list[str]:
    """The modules of what computes, which workers would otherwise each import."""
    if args.terms_only:
        return []
    light = on_onnx_runtime(args.model, args.device, args.dtype)
    beams = args.decoding == BEAM or (args.beam or 1) > 1 or bool(args.language_model)
    names = ["runtime.guided"] * light + ["corrector.fairseq_model"] * (beams or not light)
    return [f"fairseq_asr_correct.{name}" for name in names]


def second_opinion(
    opinion: "SecondOpinion", terms: TermList, finish: Finish, how: dict[str, Any], some: list[Said]
) -> list[str]:
    """The texts as a corrector and a language model choose them."""
    _, lists = split(some, terms)
    hypotheses = [one.hypotheses or one.text for one in some]
    chosen = opinion.correct(hypotheses, terms=lists if any(lists) else None, **how)
    return [finish.apply(one.after) for one in chosen]


def said(line: Transcript, args: argparse.Namespace) -> Said:
    """What the corrector reads of a line; its hypotheses only for a language model."""
    row = line.row if args.language_model else None
    hypotheses = read_hypotheses(row.fields, line.text, row.place) if row else None
    return Said(line.text, line.terms, hypotheses, line.word_confidence)


def split(some: list[Said], terms: TermList) -> tuple[list[str], list[TermList]]:
    """The texts, and the terms of each: its own, or these."""
    return [one.text for one in some], [terms if one.terms is None else TermList(one.terms) for one in some]


def where(args: argparse.Namespace) -> tuple[int, str | None, float, list[str]]:
    """Where the workers are: the last arguments of ``ordered_map``."""
    return args.workers, args.ray, float(args.device.startswith("cuda")), slow_modules(args)
