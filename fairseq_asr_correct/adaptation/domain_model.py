"""The stages from pairs to the corrector of a domain: training, decision, terms, report."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from fairseq_asr_correct.adaptation import mixture
from fairseq_asr_correct.adaptation.domain_card import domain_card
from fairseq_asr_correct.adaptation.domain_stages import FEWEST_TO_TUNE, HELD_OUT, LINES, PAIRS, WATCHED
from fairseq_asr_correct.adaptation.domain_terms import as_list, terms_for, with_those_of
from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.adaptation.weighing_terms import weights_of
from fairseq_asr_correct.corrector.tuning import tune
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.folders.finding import TERMS, rule_with, terms_with
from fairseq_asr_correct.folders.rules import DECISION, read_rule
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.recipes import measuring
from fairseq_asr_correct.recipes.decision_fit import try_sets, write_decision
from fairseq_asr_correct.recipes.model_stages import ModelStages
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Told
from fairseq_asr_correct.recipes.training import BEST, train, usual_precision
from fairseq_asr_correct.recipes.training_bar import updates_in
from fairseq_asr_correct.terms.term_list import file_of
from fairseq_asr_correct.transcripts.json_rows import read_rows
from fairseq_asr_correct.transcripts.lines import read_lines

REPORTED = 1000  # held-out sentences, at most
NAME = "held-out"
TITLES = {
    False: "A corrector for one domain, on held-out pairs",
    True: "A corrector for one domain, on held-out sentences with simulated errors: those of a recognizer may differ",
}
OTHERS, OTHER_LINES = "other lines", 1000  # of no domain and without errors, in which each change is wrong
SIDES = {"recognized": "pred_text", "references": "text"}  # the latter as if a recognizer had written them


class DomainModel(ModelStages):
    """As the stages of a recipe, for one domain."""

    def __init__(self, setup: Setup, request: Request) -> None:
        super().__init__(setup)
        self.request = request

    def adapted(self, pairs: Path, split_up: Path) -> Path:
        """Everything behind the pairs; gives the corrector's folder."""
        start = self.start()
        plain = self.exported(self.trained(self.binarized(pairs, start), start))
        decided = self.with_choice(plain, self.fitted(plain, split_up), self.terms(split_up))
        return self.whole(decided, self.domain_report(decided, split_up), split_up)

    def trained(self, data: Path, start: Path) -> Path:
        """The training; one that was killed begins anew, so that the corrector is the same to the last bit.

        bfloat16 rounds what a checkpoint keeps; a training that goes on from one is another training.
        """
        training, seed = self.recipe.training, self.recipe.seed

        def work(folder: Path) -> Told:
            log, began = self.setup.log("training"), time.monotonic()
            in_time = (*training.flags, "--stop-time-hours", f"{self.request.minutes / 60:.4f}")
            train(replace(training, flags=in_time), data, start, folder, log, self.setup.precision, seed)
            return {"minutes": round((time.monotonic() - began) / 60, 1), "updates": updates_in(log)}

        settings = asdict(training) | {"seed": seed, "precision": self.setup.precision or usual_precision()}
        return self.place.do("training", "training", work, settings, [data, start], folder=True)

    def exported(self, trained: Path) -> Path:
        """The best checkpoint as a folder, int8, which takes every change."""
        verb = ["export", trained / BEST, "--data", self.place.folder / "data-bin", "--dtype", "int8", "--force"]
        work = self.setup.verb("exported", *verb)
        return self.place.do("exported", "exported", work, {}, [trained], folder=True)

    def fitted(self, model: Path, split_up: Path) -> Path:
        """Which changes are taken: fitted to the watched pairs, or as before if they are few or nothing is proposed."""
        asked = self.request
        promised = {"max_false_correction": asked.max_false_correction, "max_clean_changes": asked.max_clean_changes}
        own = rule_with(asked.start)
        usual = own if own and own.name == DECISION else shipped_model() / DECISION
        rule = read_rule(usual)

        def work(output: Path) -> Told:
            rows = [row for _, row in read_rows(split_up / WATCHED)]
            sets = {name: [(row["text"], row[side]) for row in rows] for name, side in SIDES.items()}
            sets[OTHERS] = [(line, line) for line in example_sentences(OTHER_LINES, asked.seed, kept=True)]
            tried = try_sets(model, sets)
            likelihood, least = rule.likelihood, rule.least
            assert likelihood is not None, "a decision has one"
            if len(rows) >= FEWEST_TO_TUNE and any(one.edits for one in tried["recognized"]):
                right = tried["references"] + tried[OTHERS]
                found = tune(tried["recognized"], right, likelihood, least, **promised)
                likelihood, least = found.likelihood, found.chosen.least
            write_decision(output, likelihood, least, tried)
            return {"min_confidence": least}

        return self.place.do("decision", DECISION, work, promised, [model, split_up, usual])

    def terms(self, split_up: Path) -> Path:
        """The domain's terms, with weights that leave other text alone, and those that the start has already."""
        path, before = self.request.terms, terms_with(self.request.start)

        def work(output: Path) -> Told:
            pairs = [Pair(row["text"], row["pred_text"], None) for _, row in read_rows(split_up / PAIRS)]
            seed = self.request.seed
            found = terms_for(path, read_lines(split_up / LINES), pairs, seed)
            weights = weights_of(found, seed)
            weighed = zip(found, weights, strict=True)
            listed = [replace(term, weight=term.weight * weight) for term, weight in weighed if weight]
            output.write_text(as_list(with_those_of(self.request.start, listed)), encoding="utf-8")
            return {"terms": len(listed), "median_weight": round(median(weights), 4) if weights else 0.0}

        inputs = [split_up, *([file_of(path)] if path else []), *([before] if before else [])]
        return self.place.do("terms", "terms.txt", work, {"weights": "of each"}, inputs)

    def with_choice(self, model: Path, decision: Path, terms: Path) -> Path:
        """The corrector with its decision and its terms."""

        def work(folder: Path) -> None:
            shutil.copytree(model, folder, dirs_exist_ok=True)
            shutil.copyfile(decision, folder / DECISION)
            if terms.stat().st_size:
                shutil.copyfile(terms, folder / TERMS)

        return self.place.do("decided", "decided", work, {}, [model, decision, terms], folder=True)

    def domain_report(self, model: Path, split_up: Path) -> Path:
        """The corrector on held-out sentences, beside the one that it started from."""
        sets = {NAME: split_up / HELD_OUT}
        sides = [("model", model), ("start", self.request.start)]
        ours, theirs = (self._corrected(who, folder, sets) for who, folder in sides)

        def work(output: Path) -> None:
            measuring.report([NAME], ours, theirs, output, self.setup.run, self.setup.log("report"), title)

        title = TITLES[bool(self.place.told("split")["simulated"])]
        return self.place.do("report", "report", work, {"title": title}, [ours, theirs], folder=True)

    def _corrected(self, who: str, model: Path, sets: dict[str, Path]) -> Path:
        def work(output: Path) -> None:
            log = self.setup.log(f"corrected-{who}")
            measuring.correct_sets(model, sets, REPORTED, output, self.setup.run, log, 1)

        return self.place.do(f"corrected-{who}", f"corrected-{who}", work, {}, [model, *sets.values()], folder=True)

    def whole(self, model: Path, report: Path, split_up: Path) -> Path:
        """The corrector with its card and its report."""
        text = domain_card(self.request, self.recipe, self.told_of(["split", "training", "decision", "terms"]), report)

        def work(folder: Path) -> None:
            shutil.copytree(model, folder, dirs_exist_ok=True)
            shutil.copytree(report, folder / "report")
            (folder / "README.md").write_text(text, encoding="utf-8")

        return self.place.do("whole", "whole", work, {"card": text}, [model, report], folder=True)

    def told_of(self, stages: Sequence[str]) -> dict[str, object]:
        """What stages counted, together."""
        return {key: value for name in stages for key, value in self.place.told(name).items()}


def updates(minutes: float, batch_tokens: int) -> int:
    """How many updates a training has: a number that does not depend on the machine."""
    return max(round(mixture.tokens(minutes) / batch_tokens), 10)
