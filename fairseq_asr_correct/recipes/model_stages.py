"""The stages from pairs to a corrector, its decision and its report."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fairseq_asr_correct.folders.rules import DECISION, read_rule
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.recipes import measuring
from fairseq_asr_correct.recipes.decision_fit import fit_general, try_sets, write_decision
from fairseq_asr_correct.recipes.model_card import card
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Told
from fairseq_asr_correct.recipes.start import is_corrector, write_start
from fairseq_asr_correct.recipes.training import LAST, train


class ModelStages:
    """Each method does a stage, or finds it done, and gives its output."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.recipe, self.place = setup, setup.recipe, setup.place

    def all(self, together: Path, evaluation: dict[str, Path], pairs: dict[str, Path]) -> Path:
        """Everything behind the pairs to train on; gives the corrector."""
        start = self.start()
        trained = self.trained(self.binarized(together, start), start)
        plain = self.exported(trained)
        return self.decided(plain, self.decision(plain, evaluation, pairs))

    def start(self) -> Path:
        """What the training starts from."""
        start, training = self.recipe.start, self.recipe.training
        settings: dict[str, Any] = {"start": start}
        if not is_corrector(start):
            inputs = [Path(start)] if Path(start).is_dir() else []
            return self.place.do(
                "start", "start", self.setup.verb("start", "bert", start), settings, inputs, folder=True
            )
        settings |= {"architecture": training.architecture, "decoder_layers": training.decoder_layers}

        def work(output: Path) -> None:
            write_start(Path(start), output, training.architecture, training.decoder_layers)

        return self.place.do("start", "start", work, settings, [Path(start)], folder=True)

    def binarized(self, pairs: Path, start: Path) -> Path:
        """The pairs as fairseq's data."""
        verb = ["binarize", "--pairs", pairs, "--bert-init", start, "--cut", "--workers", self.setup.workers]
        return self.place.do(
            "data-bin", "data-bin", self.setup.verb("data-bin", *verb), {}, [pairs, start], folder=True
        )

    def trained(self, data: Path, start: Path) -> Path:
        """The training; gives its folder."""
        training = self.recipe.training

        def work(folder: Path) -> None:
            train(training, data, start, folder, self.setup.log("training"), self.setup.precision, self.recipe.seed)

        return self.place.resume(
            "training", "training", work, asdict(training) | {"seed": self.recipe.seed}, [data, start]
        )

    def exported(self, trained: Path) -> Path:
        """The corrector as a folder, int8, which takes every change."""
        verb = ["export", trained / LAST, "--data", self.place.folder / "data-bin", "--dtype", "int8", "--force"]
        work = self.setup.verb("model-without-decision", *verb)
        return self.place.do("model-without-decision", "model-without-decision", work, {}, [trained], folder=True)

    def decided(self, model: Path, decision: Path) -> Path:
        """The same with its decision and its card."""
        text = card(self.recipe, f"{self.place.folder.resolve().name}, a corrector")

        def work(output: Path) -> None:
            shutil.copytree(model, output, dirs_exist_ok=True)
            shutil.copyfile(decision, output / DECISION)
            (output / "README.md").write_text(text, encoding="utf-8")

        return self.place.do("model", "model", work, {"card": text}, [model, decision], folder=True)

    def decision(self, model: Path, evaluation: dict[str, Path], pairs: dict[str, Path]) -> Path:
        """Which changes are taken."""
        wanted = self.recipe.decision

        def work(output: Path) -> Told:
            recognized = {name: measuring.rows_of(evaluation[name], wanted.sentences) for name in wanted.sets}
            right = {f"right.{name}": measuring.rows_of(pairs[name], wanted.sentences) for name in wanted.error_free}
            sets = {name: [(row["text"], row["pred_text"]) for row in rows] for name, rows in recognized.items()}
            sets |= {name: [(row["text"], row["text"]) for row in rows] for name, rows in right.items()}
            tried = try_sets(model, sets)
            of, free = ([tried[name] for name in some] for some in (recognized, right))
            usual = read_rule(shipped_model() / DECISION).likelihood
            table = write_decision(output, fit_general(of, free, wanted.right, usual), wanted.min_confidence, tried)
            return {"changes": sum(one["changes"] for one in table["fitted_on"].values())}

        inputs = [model, *(evaluation[name] for name in wanted.sets), *(pairs[name] for name in wanted.error_free)]
        return self.place.do("decision", "decision.json", work, asdict(wanted), inputs)

    def corrected(self, who: str, model: Path, evaluation: dict[str, Path]) -> Path:
        """The sets as a corrector writes them, a manifest for each."""
        most, workers = self.recipe.report_sentences, self.setup.workers

        def work(output: Path) -> None:
            measuring.correct_sets(model, evaluation, most, output, self.setup.run, self.setup.log(name), workers)

        name = f"corrected-by-{who}"
        settings = {"sentences": most, "sets": [*evaluation]}
        return self.place.do(name, name, work, settings, [model, *evaluation.values()], folder=True)

    def report(self, model: Path, evaluation: dict[str, Path]) -> Path:
        """The corrector on all sets, beside its start."""
        ours = self.corrected("model", model, evaluation)
        start = Path(self.recipe.start)
        theirs = self.corrected("start", start, evaluation) if is_corrector(str(start)) else None

        def work(output: Path) -> None:
            measuring.report([*evaluation], ours, theirs, output, self.setup.run, self.setup.log("report"))

        inputs = [ours, *([theirs] if theirs else [])]
        return self.place.do("report", "report", work, {}, inputs, folder=True)
