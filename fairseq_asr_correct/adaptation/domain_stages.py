"""The stages from a domain's text and pairs to the pairs that are trained on."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fairseq_asr_correct.adaptation import mixture
from fairseq_asr_correct.adaptation.domain_data import read_pairs, read_texts, read_valid
from fairseq_asr_correct.adaptation.domain_terms import said_terms
from fairseq_asr_correct.adaptation.held_out import Split, split
from fairseq_asr_correct.adaptation.mixture import OWN, Part
from fairseq_asr_correct.adaptation.phrasing import domain_lines
from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.english.made_up import made_up_lines
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Told
from fairseq_asr_correct.recipes.verbs import flags_of
from fairseq_asr_correct.simulation.known_errors import known_errors
from fairseq_asr_correct.transcripts.file_formats import take_format
from fairseq_asr_correct.transcripts.json_rows import read_rows
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.word_errors import word_errors

LEARNED_FROM = 300  # pairs, the fewest that errors are learned from
MADE_UP = 1200  # lines with the terms of a list, where there is nothing else
WATCHED, HELD_OUT, PAIRS, LINES = "watched.jsonl", "held_out.jsonl", "pairs.jsonl", "lines.txt"


class DomainStages:
    """Each method does a stage, or finds it done, and gives its output."""

    def __init__(self, setup: Setup, request: Request) -> None:
        self.setup, self.request, self.place = setup, request, setup.place

    def all(self) -> tuple[Path, Path]:
        """The pairs to train on, and the folder with what was split."""
        split_up = self.split()
        return self.cleaned(split_up, [self.made(part, split_up) for part in self.parts(split_up)]), split_up

    def split(self) -> Path:
        """A folder with text and pairs to train on, and pairs to watch the training by and to report on."""
        asked, seed = self.request, self.request.seed
        settings = {"texts": asked.texts, "pairs": asked.pairs, "valid": asked.valid, "seed": seed}
        settings |= {"recognizer": asked.recognizer}

        def work(folder: Path) -> Told:
            lines = read_texts(asked.texts) if asked.texts else []
            pairs = read_pairs(asked.pairs) if asked.pairs else []
            if not (lines or pairs):  # a list of terms alone
                lines = list(domain_lines([], said_terms(asked.terms), MADE_UP, seed))
            return self._write(split(lines, pairs, *read_valid(asked.valid), seed), folder)

        return self.place.do("split", "split", work, settings, self._inputs(), folder=True)

    def _inputs(self) -> list[Path]:
        """The files that the user names."""
        names = [*self.request.texts, *self.request.pairs, *self.request.valid]
        found = [Path(part) for name in names for part in take_format(name)[1].split(",")]
        found += [self.request.terms] if self.request.terms else []
        return found

    def _write(self, found: Split, folder: Path) -> Told:
        (folder / LINES).write_text("".join(f"{line}\n" for line in found.lines), encoding="utf-8")
        write_rows(folder / PAIRS, found.pairs)
        for name, some in ((WATCHED, found.watched), (HELD_OUT, found.held_out)):
            if found.simulated:
                self._simulated([str(one) for one in some], folder / name)
            else:
                write_rows(folder / name, [one for one in some if isinstance(one, Pair)])
        return {
            "sentences": len(found.lines), "pairs": len(found.pairs), "watched": len(found.watched),
            "held_out": len(found.held_out), "simulated": found.simulated, "overlap_dropped": found.dropped,
        }  # fmt: skip

    def _simulated(self, lines: list[str], output: Path) -> None:
        """Text with errors of the kinds of recognizers that the domain's may be, each in an equal part of it."""
        kinds = mixture.kinds_like(self.request.recognizer, [])
        with open(output, "w", encoding="utf-8") as file:
            for number, kind in enumerate(kinds):
                text, made = output.with_suffix(".txt"), output.with_suffix(".made.jsonl")
                text.write_text("".join(f"{line}\n" for line in lines[number :: len(kinds)]), encoding="utf-8")
                if text.stat().st_size:
                    self._apply(known_errors(kind), text, mixture.WERS[kind], self.request.seed + 1000, made)
                    file.write(made.read_text(encoding="utf-8"))
                    made.unlink()
                text.unlink()

    def _apply(self, errors: Path, text: Path, wer: Iterable[float], seed: int, output: Path) -> None:
        flags = flags_of({"errors": errors, "text": f"lines:{text}", "wer": list(wer), "seed": seed})
        workers = self.setup.workers
        self.setup.verb("made", "simulate", "apply", *flags, "--workers", workers)(output)

    def parts(self, split_up: Path) -> list[Part]:
        """How many lines are made with which errors."""
        pairs = [Pair(row["text"], row["pred_text"], None) for _, row in read_rows(split_up / PAIRS)]
        said = sum(len(pair.said.split()) for pair in pairs)
        wrong = sum(word_errors(pair.said.split(), pair.heard.split()) for pair in pairs)
        own = wrong / said if len(pairs) >= LEARNED_FROM and wrong >= mixture.ENOUGH else None
        return mixture.parts(self.request.minutes, mixture.kinds_like(self.request.recognizer, pairs), own)

    def made(self, part: Part, split_up: Path) -> Path:
        """Errors of an error model, in lines of the domain and in others."""
        errors = self._own_errors(split_up) if part.errors == OWN else known_errors(part.errors)
        seed = self.setup.seed(part.errors)
        settings = {"domain": part.domain, "general": part.general, "wer": part.wer, "seed": seed}

        def work(output: Path) -> None:
            lines = list(read_lines(split_up / LINES)) or [row["text"] for _, row in read_rows(split_up / PAIRS)]
            text = output.with_suffix(".txt")
            with open(text, "w", encoding="utf-8") as file:
                for line in domain_lines(lines, said_terms(self.request.terms), part.domain, seed):
                    file.write(f"{line}\n")
                file.writelines(f"{line}\n" for line in made_up_lines(part.general, seed))
            self._apply(errors, text, part.wer, seed, output)
            text.unlink()

        inputs = [errors, split_up, *([self.request.terms] if self.request.terms else [])]
        return self.place.do(f"made-{part.errors}", f"made/{part.errors}.jsonl", work, settings, inputs)

    def _own_errors(self, split_up: Path) -> Path:
        verb = self.setup.verb("errors", "simulate", "learn", "--pairs", split_up / PAIRS)
        return self.place.do("errors", "errors.json", verb, {}, [split_up])

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


def write_rows(path: Path, pairs: Iterable[Pair]) -> None:
    """Writes pairs as a manifest."""
    with open(path, "w", encoding="utf-8") as file:
        for pair in pairs:
            row = {"text": pair.said, "pred_text": pair.heard}
            row |= {"speaker": pair.speaker} if pair.speaker else {}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
