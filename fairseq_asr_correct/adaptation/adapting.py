"""From what there is of a domain to its corrector: all stages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fairseq_asr_correct.adaptation.domain_model import DomainModel, updates
from fairseq_asr_correct.adaptation.domain_stages import DomainStages
from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.recipes.recipe import Cleaning, Deciding, Recipe, Training
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Workplace

BATCH_TOKENS = 1024
LEARNING_RATE = 3e-4
ADAM_EPS = 3e-5  # near a usual gradient, so that weights which the domain hardly needs stay where they are
ERROR_FREE, MAX_WER = 0.35, 0.7  # of the pairs that are trained on, and of each
VALIDATIONS = 5  # in a training
PATIENCE = 3  # validations without a gain, after which it stops


def adapt(request: Request, place: Workplace, workers: int = 1, precision: str | None = None) -> Path:
    """Makes the corrector of a domain; gives its folder in the workplace.

    Args:
        request: what there is.
        place: where the stages leave their outputs; what is done there is not done again.
        workers: processes.
        precision: of the training (default: the fastest here).

    Raises:
        UserError: what is given cannot be used, or a stage failed.
    """
    setup = Setup(recipe_for(request), Path(), place, workers, precision)
    pairs, split_up = DomainStages(setup, request).all()
    return DomainModel(setup, request).adapted(pairs, split_up)


def recipe_for(request: Request) -> Recipe:
    """The settings that the stages of a recipe read.

    Raises:
        UserError: the start is no corrector that can be trained on.
    """
    args: Any = load_any(request.start).model.args
    count = updates(request.minutes, BATCH_TOKENS)
    every = max(count // VALIDATIONS, 1)
    watching = ("--validate-interval-updates", str(every), "--patience", str(PATIENCE), "--no-save-optimizer-state")
    flags = ("--adam-eps", str(ADAM_EPS), *watching)
    training = Training(args.arch, args.decoder_layers, count, BATCH_TOKENS, LEARNING_RATE, max(count // 12, 1))
    return replace(nothing_but(request), training=replace(training, save_every=every, flags=flags))


def nothing_but(request: Request) -> Recipe:
    """A recipe without sources, for what its stages share: cleaning, start, seed."""
    training = Training("", 0, 1, BATCH_TOKENS, LEARNING_RATE, 0)
    cleaning = Cleaning(ERROR_FREE, max_wer=MAX_WER)
    return Recipe(
        {}, {}, {}, (), {}, (), cleaning, str(request.start), training, Deciding((), (), 1), seed=request.seed
    )
