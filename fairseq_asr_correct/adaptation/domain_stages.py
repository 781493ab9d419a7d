"""The stages from a domain's text and pairs to the pairs that are trained on."""

import json
from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from fairseq_asr_correct.adaptation import mixture
from fairseq_asr_correct.adaptation.domain_data import read_pairs, read_texts, read_valid
from fairseq_asr_correct.adaptation.domain_errors import DomainErrors, make_errors
from fairseq_asr_correct.adaptation.domain_terms import said_terms
from fairseq_asr_correct.adaptation.held_out import Split, split
from fairseq_asr_correct.adaptation.mixture import OWN, Part
from fairseq_asr_correct.adaptation.phrasing import domain_lines
from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Told
from fairseq_asr_correct.recipes.verbs import flags_of
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.known_errors import known_errors
from fairseq_asr_correct.terms.term_list import file_of
from fairseq_asr_correct.transcripts.file_formats import take_format
from fairseq_asr_correct.transcripts.json_rows import read_rows
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.transcripts.sources import parse_source
from fairseq_asr_correct.word_errors import word_errors

LEARNED_FROM = 300  # pairs, the fewest that errors are learned from
FEWEST_TO_TUNE = 40  # pairs, by which a decision is fitted
COPIES = 3  # of each sentence whose errors have to be simulated
MADE_UP = 1200  # lines with the terms of a list, where there is nothing else
WATCHED, HELD_OUT, PAIRS, LINES = "watched.jsonl", "held_out.jsonl", "pairs.jsonl", "lines.txt"


class DomainStages:
    """Each method does a stage, or finds it done, and gives its output."""

    def __init__(self, setup: Setup, request: Request) -> None:
        self.setup, self.request, self.place = setup, request, setup.place

    @cached_property
    def terms(self) -> list[str]:
        """The listed terms as they are said."""
        return said_terms(self.request.terms)

    def all(self) -> tuple[Path, Path]:
        """The pairs to train on, and the folder with what was split."""
        split_up = self.split()
        self._check_promises(split_up)
        made = [self.in_domain(part, split_up) for part in self.parts(split_up)]
        return self.cleaned(split_up, [*made, self.as_before(self.in_general())]), split_up

    def split(self) -> Path:
        """A folder with text and pairs to train on, and pairs to watch the training by and to report on."""
        asked, seed = self.request, self.request.seed
        settings = {"texts": asked.texts, "pairs": asked.pairs, "valid": asked.valid, "seed": seed}
        settings |= {"recognizer": asked.recognizer}

        def work(folder: Path) -> Told:
            lines = read_texts(asked.texts) if asked.texts else []
            pairs = read_pairs(asked.pairs) if asked.pairs else []
            if not (lines or pairs):  # a list of terms alone
                lines = list(domain_lines([], self.terms, MADE_UP, seed))
            return self._write(split(lines, pairs, *read_valid(asked.valid), seed), folder)

        files = [file for name in (*asked.texts, *asked.pairs, *asked.valid) for file in files_of(name)]
        return self.place.do("split", "split", work, settings, [*files, *self._list()], folder=True)

    def _check_promises(self, split_up: Path) -> None:
        """Before a training: a promise about changes needs sentences that tell whether it is kept."""
        names = ("max_false_correction", "max_clean_changes")
        promised = [name for name in names if getattr(self.request, name) is not None]
        rows = sum(1 for _ in read_rows(split_up / WATCHED))
        if promised and rows < FEWEST_TO_TUNE:
            raise UserError(
                f"--{promised[0].replace('_', '-')} needs {FEWEST_TO_TUNE} sentences to choose by, and half of what is "
                f"kept back is {rows}: give at least {2 * FEWEST_TO_TUNE} with --valid"
            )

    def _list(self) -> list[Path]:
        return [file_of(self.request.terms)] if self.request.terms else []

    def _write(self, found: Split, folder: Path) -> Told:
        (folder / LINES).write_text("".join(f"{line}\n" for line in found.lines), encoding="utf-8")
        write_rows(folder / PAIRS, found.pairs)
        for name, some in ((WATCHED, found.watched), (HELD_OUT, found.held_out)):
            real = [one for one in some if isinstance(one, Pair)]
            write_rows(folder / name, real or self._simulated([str(one) for one in some]))
        return {
            "sentences": len(found.lines), "pairs": len(found.pairs), "watched": len(found.watched),
            "held_out": len(found.held_out), "simulated": found.simulated, "overlap_dropped": found.dropped,
        }  # fmt: skip

    def _simulated(self, lines: list[str]) -> list[Pair]:
        """Text with errors of the kinds of recognizers that the domain's may be, each in an equal part of it."""
        errors, made = DomainErrors(lines, self.terms), list[Pair]()
        kinds = mixture.kinds_like(self.request.recognizer, [])
        for number, kind in enumerate(kinds):
            learned, words = errors.of(load(known_errors(kind))), mixture.WORDS.get(kind, 0.0)
            some = lines[number :: len(kinds)] * COPIES
            made += errors.make(some, learned, mixture.DOMAIN_WER, words, self.request.seed + 1000)
        return made

    def parts(self, split_up: Path) -> list[Part]:
        """How many lines are made with which errors."""
        pairs = [Pair(row["text"], row["pred_text"], None) for _, row in read_rows(split_up / PAIRS)]
        said = sum(len(pair.said.split()) for pair in pairs)
        wrong = sum(word_errors(pair.said.split(), pair.heard.split()) for pair in pairs)
        own = wrong / said if len(pairs) >= LEARNED_FROM and wrong >= mixture.ENOUGH else None
        return mixture.parts(self.request.minutes, mixture.kinds_like(self.request.recognizer, pairs), own)

    def in_domain(self, part: Part, split_up: Path) -> Path:
        """Errors of an error model in lines of the domain."""
        file = self._own_errors(split_up) if part.errors == OWN else known_errors(part.errors)
        seed = self.setup.seed(part.errors)

        def work(output: Path) -> Told:
            given = list(read_lines(split_up / LINES)) or [row["text"] for _, row in read_rows(split_up / PAIRS)]
            errors, learned = DomainErrors(given, self.terms), load(file)
            learned = learned if part.errors == OWN else errors.of(learned)
            lines = list(domain_lines(given, self.terms, part.lines, seed))
            return _told(output, errors.make(lines, learned, part.wer, part.words, seed))

        settings = {"lines": part.lines, "wer": part.wer, "words": part.words, "seed": seed}
        inputs = [file, split_up, *self._list()]
        return self.place.do(f"domain-{part.errors}", f"made/domain-{part.errors}.jsonl", work, settings, inputs)

    def _own_errors(self, split_up: Path) -> Path:
        verb = self.setup.verb("errors", "simulate", "learn", "--pairs", split_up / PAIRS)
        return self.place.do("errors", "errors.json", verb, {}, [split_up])

    def in_general(self) -> Path:
        """Sentences of no domain, with errors of all kinds of recognizers."""
        counts, seed = mixture.general_lines(self.request.minutes), self.request.seed
        files = {kind: known_errors(kind) for kind in counts}

        def work(output: Path) -> Told:
            made = list[Pair]()
            sentences = example_sentences(sum(counts.values()), seed)
            for kind, file in files.items():
                made += make_errors(list(islice(sentences, counts[kind])), load(file), mixture.WERS[kind], seed)
            return _told(output, made)

        settings = {"lines": counts, "seed": seed}
        return self.place.do("general", "made/general.wrong.jsonl", work, settings, files.values())

    def as_before(self, made: Path) -> Path:
        """The same with what the start writes for them, if it takes all changes, so that it keeps doing so."""
        start, log = self.request.start, self.setup.log("as-before")
        verb = ["correct", start, "--input", made, "--min-confidence", "0", "--decoding", "input-guided"]
        verb += ["--workers", self.setup.workers, "--output"]

        def work(output: Path) -> None:
            written, no_terms = (output.with_suffix(suffix) for suffix in (".written.jsonl", ".no-terms.txt"))
            no_terms.touch()  # a start's own list has no say in what the model learns
            self.setup.run([*map(str, verb), str(written), "--terms", str(no_terms)], log)
            rows = (row for _, row in read_rows(written))
            write_rows(output, [Pair(row["corrected_text"], row["pred_text"], None) for row in rows])
            written.unlink()
            no_terms.unlink()

        return self.place.do("as-before", "made/general.jsonl", work, {}, [made, start])

    def cleaned(self, split_up: Path, made: list[Path]) -> Path:
        """All pairs to train on, and those to watch the training by, as bad and good lines."""
        cleaning = self.setup.recipe.cleaning
        real = sum(1 for _ in read_rows(split_up / PAIRS))
        repeat = mixture.repeats(real, sum(sum(1 for _ in read_rows(path)) for path in made))
        train = [*map(str, made), *([f"{split_up / PAIRS}@{repeat:g}"] if real else [])]
        flags: dict[str, Any] = {"max_identical": cleaning.error_free, "max_words": cleaning.max_words}
        flags |= {"max_wer": cleaning.max_wer, "seed": self.request.seed}
        verb = ["pairs", "--train", *train, "--valid", split_up / WATCHED, *flags_of(flags)]
        work = self.setup.verb("cleaned", *verb, "--workers", self.setup.workers)
        return self.place.do("cleaned", "cleaned", work, {"repeat": repeat, **flags}, [*made, split_up], folder=True)


def files_of(source: str) -> list[Path]:
    """The files, or the folder, that a source names."""
    rest = take_format(source)[1]
    return [Path(rest)] if Path(rest).exists() or "," not in rest else list(parse_source(source).paths)


def write_rows(path: Path, pairs: Iterable[Pair]) -> None:
    """Writes pairs as a manifest."""
    with open(path, "w", encoding="utf-8") as file:
        for pair in pairs:
            row = {"text": pair.said, "pred_text": pair.heard}
            row |= {"speaker": pair.speaker} if pair.speaker else {}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _told(output: Path, pairs: list[Pair]) -> Told:
    """Writes pairs with errors that were made; says how many there are, and their word error rate."""
    write_rows(output, pairs)
    wrong = sum(word_errors(pair.said.split(), pair.heard.split()) for pair in pairs)
    return {"lines": len(pairs), "wer": round(wrong / max(1, sum(len(pair.said.split()) for pair in pairs)), 3)}
