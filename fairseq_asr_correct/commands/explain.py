"""Show what a corrector would change in each text, where, and how sure it is of each change.

    echo "he wated for along time" | asr-correct explain
    asr-correct explain corrector --input hyp.jsonl --output explained.jsonl --nbest 3

The output has one line of JSON for each text: `before`, `after`, and `edits` with `start` and `end` (words, from 0),
`before`, `after`, `confidence` (from 0 to 1) and `term`, the term that it writes, or null. A row of JSON with a list
`terms` has its own in place of those of --terms. `--nbest` adds `alternatives`, each a text with its log-probability. A
text with an utterance id keeps it as `id`.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands.arguments import (
    add_choice,
    add_decoding,
    add_domain,
    add_language_model,
    add_model,
    add_plain,
    add_spellings,
    add_terms,
    choice_of,
    new_parser,
    read_terms,
)
from fairseq_asr_correct.corrector.corrections import Correction
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.transcripts.entries import Entry, read_entries
from fairseq_asr_correct.transcripts.file_formats import FORMATS, format_of
from fairseq_asr_correct.transcripts.lines import STANDARD_INPUT
from fairseq_asr_correct.transcripts.nbest import Hypotheses, read_hypotheses
from fairseq_asr_correct.transcripts.rewriting import terms_of_row


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    form = args.format or format_of(args.input, "give --format")
    terms = read_terms(args.terms)
    spellings = Spellings.read(args.spellings) if args.spellings else None
    model = args.model or shipped_model()
    corrector = Corrector.from_pretrained(model, args.device, plain=args.plain, domain=args.domain, **choice_of(args))
    terms = corrector.terms if terms is None else terms
    opinion = None
    if args.language_model:
        from fairseq_asr_correct.candidates.second_opinion import SecondOpinion  # which loads transformers

        opinion = SecondOpinion.of(corrector, args.language_model, model, args.device)
    entries = read_entries(args.input, form)
    pipe = args.output == STANDARD_INPUT
    with nullcontext(sys.stdout) if pipe else atomic_write(args.output) as file:
        while some := list(islice(entries, args.batch_size)):
            texts = [entry.text("pred_text", "text") for entry in some]
            each = [_terms_of(entry, terms) for entry in some]
            how = {"batch_size": args.batch_size, "beam": args.beam, "decoding": args.decoding, "nbest": args.nbest}
            if opinion:
                hypotheses = [_hypotheses(*both) for both in zip(some, texts, strict=True)]
                chosen, finish = opinion.correct(hypotheses, terms=each, **how), corrector.finish
                explained = [spelled(one, finish.with_spellings(spellings)) for one in chosen]
            else:
                lists = each if form == "nemo" else terms
                heard = [entry.word_confidence for entry in some]
                sure = {"word_confidence": heard} if any(heard) else {}
                explained = corrector.explain(texts, terms=lists, spellings=spellings, **how, **sure)
            for line in _lines(some, explained, args.nbest):
                print(line, file=file, flush=pipe)


def _hypotheses(entry: Entry, text: str) -> Hypotheses:
    return read_hypotheses(entry.fields, text, f"{entry.path} line {entry.number}")


def _terms_of(entry: Entry, terms: TermList | None) -> TermList:
    """The terms of an utterance: its own, or these."""
    own = terms_of_row(entry.fields, entry.path, entry.number)
    return TermList.of(terms if own is None else own)


def _lines(entries: list[Entry], corrections: list[Correction], nbest: int) -> Iterator[str]:
    for entry, correction in zip(entries, corrections, strict=True):
        row = ({"id": entry.id} if entry.id else {}) | asdict(correction)
        if nbest == 1:
            del row["alternatives"]
        yield json.dumps(row, ensure_ascii=False)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("explain", __doc__)
    add_model(parser)
    add_domain(parser)
    parser.add_argument("--input", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to read, plain or gzipped (default: -, standard input)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to write (default: -, standard output)")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, help="format of the input (default: by its ending)")
    parser.add_argument("--nbest", type=int, default=1, metavar="N", help="alternatives for each text (default: 1)")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts in a batch (default: 32)")
    parser.add_argument("--beam", type=int, metavar="N", help="beam size (default: 4; 1 with input-guided)")
    add_decoding(parser)
    add_language_model(parser)
    add_terms(parser)
    add_spellings(parser)
    add_plain(parser)
    add_choice(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    return parser
