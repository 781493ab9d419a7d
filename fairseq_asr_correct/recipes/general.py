"""Trains a corrector for several recognizers, stage by stage, by a recipe.

    python -m fairseq_asr_correct.recipes.general WORK --recipe examples/general/recipe.yaml --data ../shared/data

`scripts/train_general.sh` calls it. WORK gets a file or folder for each stage, `stages/` with what each was made from,
`logs/` with what each printed, and in the end `model/` and `report/`. A stage that is done is not done again; a command
that was killed resumes. Where the recipe or a source has changed, the stages from there on are done again; a training
that was begun with other data or settings is refused instead.
"""

import argparse
import dataclasses
from pathlib import Path

from fairseq_asr_correct.recipes.data_stages import DataStages
from fairseq_asr_correct.recipes.recipe import read_recipe
from fairseq_asr_correct.recipes.setup import Setup, check_sources
from fairseq_asr_correct.recipes.stages import Workplace
from fairseq_asr_correct.work.processors import cores


def make(setup: Setup) -> Path:
    """All stages of a recipe; gives the folder of the report."""
    together, evaluation, pairs = DataStages(setup).all()
    from fairseq_asr_correct.recipes.model_stages import ModelStages  # loads torch, and mistakes come first

    stages = ModelStages(setup)
    return stages.report(stages.all(together, evaluation, pairs), evaluation)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    recipe = read_recipe(args.recipe, args.variant)
    if args.start:
        recipe = dataclasses.replace(recipe, start=args.start)
    check_sources(recipe, args.data)
    with Workplace(args.work) as place:
        report = make(Setup(recipe, args.data, place, args.workers, args.precision))
    print((report / "report.md").read_text(encoding="utf-8"))
    seen = sorted({who for name, one in recipe.pairs.items() for who in one.recognizers or (name,)})
    print(f"trained on {', '.join(seen)}; every other recognizer is new to it")
    print(f"the corrector is {args.work / 'model'}, and its report {report / 'report.html'}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="folder for all that is made")
    parser.add_argument("--recipe", type=Path, required=True, metavar="FILE", help="YAML with all choices")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME", help="take the changes of this name "
        "under `variants` of the recipe; repeatable")  # fmt: skip
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder that the sources' paths start from"
    )
    parser.add_argument("--start", metavar="MODEL", help="a corrector or a BERT (default: the recipe's)")
    parser.add_argument("--workers", type=int, default=cores(), help="processes (default: all cores)")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], help="of the training (default: bf16 on a GPU "
        "and on processors that have it, else fp32)")  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
