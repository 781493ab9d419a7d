"""The stages from sources to pairs: what recognizers wrote, their errors, and such errors made in text."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from fairseq_asr_correct.recipes import drawn_text, real_pairs
from fairseq_asr_correct.recipes.recipe import Written
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Told
from fairseq_asr_correct.recipes.verbs import flags_of
from fairseq_asr_correct.transcripts.json_rows import read_rows


class DataStages:
    """Each method does a stage, or finds it done, and gives its output."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.recipe, self.place = setup, setup.recipe, setup.place

    def all(self) -> tuple[Path, dict[str, Path], dict[str, Path]]:
        """All pairs to train on, the evaluation sets, and the real pairs."""
        evaluation = {name: self.evaluation(name) for name in self.recipe.evaluation}
        pairs = {name: self.pairs(name, evaluation.values()) for name in self.recipe.pairs}
        sounds = self.sounds()
        made = [self.made(one, pairs[one.learned_from], sounds, evaluation.values()) for one in self.recipe.errors]
        return self.cleaned(made, pairs, evaluation), evaluation, pairs

    def evaluation(self, name: str) -> Path:
        """A set to evaluate on."""
        one = self.recipe.evaluation[name]
        source, english = self.setup.located(one.source), self.setup.english
        work = partial(real_pairs.select, source, one.recognizers, most=one.most, english=english)
        return self.place.do(
            f"evaluation-{name}",
            f"evaluation/{name}.jsonl",
            work,
            asdict(one) | {"english": english},
            self.setup.files_of(one),
        )

    def pairs(self, name: str, evaluation: Iterable[Path]) -> Path:
        """Pairs of some recognizers, spelled alike, without what is evaluated on."""
        one, english = self.recipe.pairs[name], self.setup.english
        settings = {"source": one.source, "recognizers": one.recognizers, "most": one.most, "english": english}
        settings |= {"region": self.recipe.cleaning.spelling, "least": self.recipe.least_pairs}

        def work(output: Path) -> Told:
            return real_pairs.select(
                self.setup.located(one.source),
                one.recognizers,
                output,
                most=one.most,
                region=self.recipe.cleaning.spelling,
                least=self.recipe.least_pairs,
                excluded=_ngrams(evaluation),
                english=english,
            )

        inputs = [*self.setup.files_of(one), *evaluation]
        return self.place.do(f"pairs-{name}", f"pairs/{name}.jsonl", work, settings, inputs)

    def sounds(self) -> Path | None:
        """Words that sound alike, if the recipe has any use for them."""
        wanted = self.recipe.sounds
        if wanted is None or not any("sound_share" in one.flags for one in self.recipe.errors):
            return None
        parts = [self.setup.part(name, wanted.lines, repeat=False) for name in wanted.texts]
        seed, english = self.recipe.seed, self.setup.english
        settings = {"parts": [asdict(part) for part in parts], "seed": seed, "english": english}

        def work(output: Path) -> Told:
            return drawn_text.draw(parts, output, seed, None, english)

        files = self.setup.files_of_texts(wanted.texts)
        text = self.place.do("sounds-text", "sounds.txt", work, settings, files)
        verb = self.setup.verb("sounds", "simulate", "sounds", "--text", f"lines:{text}")
        return self.place.do("sounds", "sounds.tsv.gz", verb, {}, [text])

    def errors(self, name: str, pairs: Path) -> Path:
        """How some recognizers err."""
        flags = self.recipe.learn_flags
        work = self.setup.verb(f"errors-{name}", "simulate", "learn", "--pairs", pairs, *flags_of(flags))
        return self.place.do(f"errors-{name}", f"errors/{name}.json", work, flags, [pairs])

    def made(self, one: Written, pairs: Path, sounds: Path | None, evaluation: Iterable[Path]) -> Path:
        """Errors of an error model in text."""
        errors = self.errors(one.learned_from, pairs)
        text = self.text(one, evaluation)
        flags = [*flags_of({"wer": one.wer} | one.flags), "--seed", str(self.setup.seed(one.name))]
        inputs = [errors, text]
        if sounds is not None and "sound_share" in one.flags:
            flags += ["--sounds", str(sounds)]
            inputs.append(sounds)
        verb = [
            "simulate",
            "apply",
            "--errors",
            errors,
            "--text",
            f"lines:{text}",
            *flags,
            "--workers",
            self.setup.workers,
        ]
        settings = {"wer": one.wer, "flags": one.flags, "seed": self.recipe.seed}
        return self.place.do(
            f"made-{one.name}", f"made/{one.name}.jsonl", self.setup.verb(f"made-{one.name}", *verb), settings, inputs
        )

    def text(self, one: Written, evaluation: Iterable[Path]) -> Path:
        """The lines in which an error model writes."""
        parts = [self.setup.part(name, round(share * one.lines)) for name, share in one.texts.items()]
        settings = {
            "parts": [asdict(part) for part in parts],
            "seed": self.setup.seed(one.name),
            "english": self.setup.english,
        }

        def work(output: Path) -> Told:
            return drawn_text.draw(parts, output, self.setup.seed(one.name), _ngrams(evaluation), self.setup.english)

        inputs = [*self.setup.files_of_texts(one.texts), *evaluation]
        return self.place.do(f"text-{one.name}", f"text/{one.name}.txt", work, settings, inputs)

    def cleaned(self, made: list[Path], pairs: dict[str, Path], evaluation: dict[str, Path]) -> Path:
        """All pairs to train on, and the sets, as bad and good lines."""
        cleaning = self.recipe.cleaning
        repeats = {name: one.repeat for name, one in self.recipe.pairs.items() if one.repeat}
        train = [*map(str, made), *(f"{pairs[name]}@{repeat:g}" for name, repeat in repeats.items())]
        flags = {
            "max_identical": cleaning.error_free, "max_words": cleaning.max_words, "max_wer": cleaning.max_wer,
            "spelling": cleaning.spelling, "seed": self.recipe.seed, **cleaning.flags,
        }  # fmt: skip
        sets = ["--valid", *(str(evaluation[name]) for name in self.recipe.valid)]
        for name, path in evaluation.items():
            sets += ["--eval", f"{name}={path}"]
        verb = ["pairs", "--train", *train, *sets, *flags_of(flags), "--workers", self.setup.workers]
        settings = {"repeats": repeats, "valid": self.recipe.valid, "names": [*evaluation], **flags}
        inputs = [*made, *pairs.values(), *evaluation.values()]
        return self.place.do("cleaned", "cleaned", self.setup.verb("cleaned", *verb), settings, inputs, folder=True)


def _ngrams(evaluation: Iterable[Path]) -> real_pairs.Ngrams:
    return real_pairs.ngrams_of(row["text"] for path in evaluation for _, row in read_rows(path))
