r"""Make bad/good sentence pairs from recognizer output: what a recognizer wrote, and what was said.

    asr-correct pairs --train ctc.train.jsonl made.jsonl@0.5 --valid ctc.valid.jsonl \
        --eval dev-clean=espnet.dev_clean.jsonl --eval dev-other=hyp.trn,ref.trn --save-to pairs

The command writes pairs/train.bad, pairs/train.good, pairs/valid.bad and so on, one sentence per line, and
pairs/report.json.

A SOURCE is [FORMAT:]PATH[,PATH][@WEIGHT], plain or gzipped: one file of rows, or HYPOTHESES,REFERENCES:

    nemo    JSON lines or an array, `text`, `pred_text` or `nbest`  .jsonl .json
    csv     with a header line, see --columns; `speaker` if known   .csv
    tsv     the same with tabs, no quotes                           .tsv
    kaldi   `utterance-id words`                                    .text, or write kaldi:
    trn     `words (utterance-id)`                                  .trn
    srt vtt subtitles, one utterance per cue                        .srt .vtt
    lines   one utterance per line                                  .bad .good .txt

Two files with utterance ids are joined by them, in any order, with the hypotheses in memory; two files without ids are
joined line by line. In trn files the first alternative of { a / b } counts, and lines with ;; are comments. Each
training pair of a source @3 is written three times, and each of a source @0.5 with a probability of one half.

Training pairs are cleaned as in Hrinchuk et al. 2019 (arXiv 1910.10697): duplicates are dropped, and pairs with a word
error rate above 0.5. Pairs that share eight words in a row with an evaluation set's references are dropped too.
Validation and evaluation sets keep every line, in order. The result does not depend on --workers or --ray.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.english.regional import REGIONS
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_set_name
from fairseq_asr_correct.pairs import report
from fairseq_asr_correct.pairs.clean import Settings, Task, make_worker
from fairseq_asr_correct.pairs.gather import SetWriter, Tally, check_speakers
from fairseq_asr_correct.pairs.normalize import NORMALIZERS, make_normalizer
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.transcripts.chunks import read_chunks, size
from fairseq_asr_correct.transcripts.entries import read_texts
from fairseq_asr_correct.transcripts.identity import SPEAKER_HELP, speaker_rule
from fairseq_asr_correct.transcripts.sources import Source, parse_file, parse_source
from fairseq_asr_correct.work.processes import ordered_map
from fairseq_asr_correct.work.processors import cores


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = make_parser()
    args = parser.parse_args(argv)
    check(args)
    train = [parse_source(text, weighted=True) for text in args.train]
    others = {"valid": [parse_source(text) for text in args.valid]} if args.valid else {}
    for name, source in map(parse_eval, args.eval):
        if name in others:
            raise UserError(f"--eval {name}: this name is given twice")
        others[name] = [source]
    if not train and not others:
        parser.error("name at least one source with --train, --valid or --eval")

    settings = Settings(
        args.normalize,
        args.numbers_to_words,
        args.nbest,
        args.max_wer,
        args.max_words,
        args.seed,
        args.valid_share,
        args.speaker_regex,
        args.spelling,
    )
    normalize = make_normalizer(args.normalize, args.numbers_to_words)
    excluded = Ngrams(args.exclude_ngram)
    with finished_together(args.save_to) as folder, ExitStack() as stack:
        sources = ({"train": train} if train else {}) | ({"valid": train} if args.valid_share else {}) | others
        writers = {
            name: stack.enter_context(SetWriter(folder, name, here, args.max_identical if name == "train" else None))
            for name, here in sources.items()
        }
        jobs = [(name, source) for name, here in others.items() for source in here]
        make_sets(jobs, settings, writers, args, excluded)
        if train:
            for text in args.exclude_text:
                excluded.add(normalize(line) for _, line in read_texts(*parse_file(text), "text"))
            settings = replace(settings, excluded=excluded if len(excluded) else None)
            make_sets([("train", source) for source in train], settings, writers, args)
        if args.valid_share:
            check_speakers(writers["train"].total(), writers["valid"].total(), args.valid_share, args.seed)
        unsaid = ("save_to", "workers", "ray")  # they do not change the result
        said = {name: value for name, value in vars(args).items() if name not in unsaid}
        report.save_report(folder / "report.json", writers, said)
    print(report.table(writers))
    for name, writer in writers.items():
        tell_of_unspaced(name, writer.total())
    if train:
        print(f"\ntrain, pairs by word error rate:\n{report.picture(writers['train'].total())}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("pairs", __doc__)
    add = parser.add_argument
    add("--train", nargs="+", default=[], metavar="SOURCE", help="training sources")
    add("--valid", nargs="+", default=[], metavar="SOURCE", help="validation sources")
    add("--eval", action="append", default=[], metavar="NAME=SOURCE", help="an evaluation set; repeatable")
    add("--save-to", type=Path, required=True, metavar="DIR", help="folder for the pairs")
    group = parser.add_argument_group("reading")
    add = group.add_argument
    add("--columns", nargs=2, default=["pred_text", "text"], metavar=("BAD", "GOOD"), help="in CSV and TSV files")
    add("--nbest", type=int, default=1, help="hypotheses of each training utterance to use (default: 1)")
    add("--normalize", choices=NORMALIZERS, default="none", help="spelling of both sides of all sets (default: none)")
    add("--numbers-to-words", action="store_true", help="write 21 as twenty one, 3rd as third, and so on")
    group = parser.add_argument_group("training pairs")
    add = group.add_argument
    add("--max-wer", type=float, default=0.5, help="drop pairs with a higher word error rate (default: 0.5)")
    add("--max-words", type=int, default=200, help="drop pairs with more words on a side (default: 200)")
    add("--max-identical", type=float, metavar="SHARE", help="at most this share of pairs without an error")
    add("--spelling", choices=REGIONS,
        help="spell references as their hypotheses, and where these have other words as this region does")  # fmt: skip
    add("--exclude-text", nargs="+", default=[], metavar="FILE",
        help="drop pairs that overlap with these texts too: [FORMAT:]PATH; in rows, `text` is read")  # fmt: skip
    add("--exclude-ngram", type=int, default=8, metavar="N", help="words in a row that count as overlap (default: 8)")
    add("--valid-share", type=float, default=0.0, metavar="SHARE",
        help="make the validation set from about this share of the training speakers")  # fmt: skip
    add("--speaker-regex", metavar="REGEX", help=SPEAKER_HELP)
    add("--seed", type=int, default=0, help="another seed draws other pairs and speakers (default: 0)")
    group = parser.add_argument_group("speed")
    add = group.add_argument
    add("--workers", type=int, default=cores(), help="processes, or workers on Ray (default: one for each core)")
    add("--ray", metavar="ADDRESS", help="make the training pairs on a Ray cluster: auto, or its address")
    return parser


def check(args: argparse.Namespace) -> None:
    """Raises UserError for numbers out of range, and flags that contradict each other."""
    for flag in ("nbest", "max_words", "exclude_ngram", "workers"):
        if getattr(args, flag) < 1:
            raise UserError(f"--{flag.replace('_', '-')} {getattr(args, flag)}: must be at least 1")
    speaker_rule(args.speaker_regex)
    if not args.max_wer >= 0:
        raise UserError(f"--max-wer {args.max_wer:g}: must be at least 0")
    if args.max_identical is not None and not 0 <= args.max_identical <= 1:
        raise UserError(f"--max-identical {args.max_identical:g}: a share is from 0 to 1")
    if args.valid_share and not 0 < args.valid_share < 1:
        raise UserError(f"--valid-share {args.valid_share:g}: a share of the speakers is between 0 and 1")
    if args.valid_share and (args.valid or not args.train):
        raise UserError("--valid-share takes its pairs from --train, and does not go with --valid")


def parse_eval(text: str) -> tuple[str, Source]:
    """``NAME=SOURCE`` as a name and its source."""
    name, equals, source = text.partition("=")
    if not (equals and source and is_set_name(name)):
        raise UserError(f"--eval {text}: write NAME=SOURCE, such as dev-clean=dev_clean.jsonl")
    if name in ("train", "valid"):
        raise UserError(f"--eval {text}: for this set use the flag --{name}")
    return name, parse_source(source)


def tell_of_unspaced(name: str, total: Tally) -> None:
    """Warns on standard error if most references have no space, since word error rates then mean little."""
    if 2 * total.unspaced > total.read:
        print(
            f"{name}: {total.unspaced:,} of {total.read:,} references have no space. White space separates words "
            "here and in all word error rates: put spaces between words, or between all characters, on both sides",
            file=sys.stderr,
        )


def make_sets(
    jobs: list[tuple[str, Source]],
    settings: Settings,
    writers: dict[str, SetWriter],
    args: argparse.Namespace,
    excluded: Ngrams | None = None,
) -> None:
    """Reads the sources of some sets and writes their pairs; adds evaluation references to ``excluded``."""
    if not jobs:
        return
    tasks: Iterator[Task] = (
        (name, source, chunk) for name, source in jobs for chunk in read_chunks(source, tuple(args.columns))
    )
    first = list(islice(tasks, 2))
    workers = args.workers if len(first) > 1 else 1
    tasks = (task for some in (first, tasks) for task in some)
    ray = args.ray if excluded is None else None
    names = ", ".join(dict.fromkeys(name for name, _ in jobs))
    bar = tqdm(total=size(source for _, source in jobs), desc=names, unit="B", unit_scale=True, disable=None)
    results = ordered_map(partial(make_worker, settings), tasks, workers, ray)
    done = 0
    with bar, closing(results):
        for parts in results:
            for part in parts:
                writers[part.set].add(part)
                if excluded is not None and part.set != "valid":
                    excluded.add(part.good)
            bar.update(parts[0].done - done if parts[0].done > done else parts[0].done)  # less means the next source
            done = parts[0].done
