#!/usr/bin/env python3
"""Binarize bad/good pairs with BERT's vocabulary: word pieces, then fairseq-preprocess.

Every NAME.bad with its NAME.good in --pairs becomes a subset of that name: `train` and `valid` for
fairseq-train, all the others for `fairseq-generate --gen-subset NAME`.

    python preprocess/binarize.py --pairs pairs --bert-init bert_init --save-to data-bin
"""

import argparse
import os
import tempfile
from pathlib import Path

from fairseq import options
from fairseq_cli import preprocess
from tqdm import tqdm

from fairseq_asr_correct.encoders.wordpiece import WordPiece
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, read_lines

SIDES = ("bad", "good")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder with NAME.bad and NAME.good")
    parser.add_argument(
        "--bert-init", type=Path, required=True, metavar="DIR", help="folder with vocab.txt and dict.txt"
    )
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="the data-bin folder to write")
    parser.add_argument("--lowercase", action="store_true", help="lower the case first, for uncased vocabularies")
    parser.add_argument(
        "--max-pieces",
        type=int,
        default=510,
        help="longest sentence the model can take (default: 510, BERT's 512 less two)",
    )
    parser.add_argument(
        "--cut", action="store_true", help="cut longer sentences, and say how many, instead of refusing"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    args = parser.parse_args(argv)

    names = find_sets(args.pairs)
    wordpiece = WordPiece.from_file(args.bert_init / "vocab.txt", args.lowercase)
    args.save_to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.save_to, prefix=".unfinished.") as folder:
        pieces = Path(folder, "pieces")
        pieces.mkdir()
        for name in names:
            for side in SIDES:
                encode_file(
                    args.pairs / f"{name}.{side}", pieces / f"{name}.{side}", wordpiece, args.max_pieces, args.cut
                )
        binary = Path(folder, "binary")
        run_fairseq_preprocess(names, pieces, binary, args.bert_init / "dict.txt", args.workers)
        for file in binary.iterdir():
            os.replace(file, args.save_to / file.name)
    print(f"{args.save_to}: {', '.join(names)}")


def find_sets(folder: Path) -> list[str]:
    """Names of the pairs in a folder, each side complete and of the same length.

    Raises:
        UserError: there are none, or the sides do not match.
    """
    names = sorted(path.stem for path in folder.glob("*.bad"))
    if not names:
        raise UserError(f"{folder} has no NAME.bad: make pairs with preprocess/make_pairs.py first")
    for name in names:
        bad, good = (sum(1 for _ in read_lines(folder / f"{name}.{side}")) for side in SIDES)
        if bad != good:
            raise UserError(f"{folder}/{name}.bad has {bad} lines but {name}.good has {good}: they must be pairs")
    return names


def encode_file(source: Path, target: Path, wordpiece: WordPiece, max_pieces: int, cut: bool) -> None:
    """Writes the word pieces of a file, refusing or cutting what is longer than ``max_pieces``."""
    too_long = 0
    with atomic_write(target) as output:
        for number, line in enumerate(tqdm(read_lines(source), desc=str(source), unit=" lines", disable=None), start=1):
            pieces = wordpiece.encode(line).split()
            if len(pieces) > max_pieces:
                if not cut:
                    raise UserError(
                        f"{source} line {number} has {len(pieces)} pieces, over {max_pieces}: split it, or pass --cut"
                    )
                too_long += 1
            print(*pieces[:max_pieces], file=output)
    if too_long:
        print(f"{source}: {too_long} lines cut to {max_pieces} pieces")


def run_fairseq_preprocess(names: list[str], pieces: Path, binary: Path, dictionary: Path, workers: int) -> None:
    """fairseq-preprocess over all sets, its numbered test sets given their names back."""
    if not dictionary.is_file():
        raise UserError(f"{dictionary} is not there: name the folder that get_decoder_params_from_bert.py wrote")
    tests = [name for name in names if name not in ("train", "valid")]
    argv = ["--source-lang", SIDES[0], "--target-lang", SIDES[1], "--destdir", str(binary)]
    argv += ["--srcdict", str(dictionary), "--tgtdict", str(dictionary), "--workers", str(workers)]
    for subset in ("train", "valid"):
        if subset in names:
            argv += [f"--{subset}pref", str(pieces / subset)]
    if tests:
        argv += ["--testpref", ",".join(str(pieces / name) for name in tests)]
    preprocess.main(options.get_preprocessing_parser().parse_args(argv))
    numbered = {f"test{i or ''}": name for i, name in enumerate(tests)}
    for file in list(binary.iterdir()):
        subset, _, rest = file.name.partition(".")
        if subset in numbered:
            file.rename(binary / f"{numbered[subset]}@{rest}")
    for file in list(binary.iterdir()):  # in two steps: a set may itself be called test1
        file.rename(binary / file.name.replace("@", "."))


if __name__ == "__main__":
    main()
