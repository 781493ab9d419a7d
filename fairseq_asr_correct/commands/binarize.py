"""Split bad/good pairs into the pieces of BERT or SentencePiece, and binarize them with fairseq-preprocess.

Every NAME.bad with its NAME.good in --pairs becomes a subset of that name: `train` and `valid` for
fairseq-train, the others for `fairseq-generate --gen-subset NAME`.

    asr-correct binarize --pairs pairs --bert-init bert_init --save-to data-bin
    asr-correct binarize --pairs pairs --sentencepiece spm --save-to data-bin    # spm is from asr-correct sentencepiece
"""

import argparse
import contextlib
import os
from pathlib import Path
from typing import Protocol

from fairseq_asr_correct import plugin  # noqa: F401  (first: fairseq's import then leaves the log alone)

# isort: split
from fairseq import options
from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE, SentencepieceConfig
from fairseq_cli import preprocess
from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_set_name
from fairseq_asr_correct.models.bert_init import read_shape
from fairseq_asr_correct.tokens.word_pieces import WordPiece, read_vocabulary
from fairseq_asr_correct.transcripts.lines import read_lines

SIDES = ("bad", "good")
POSITIONS = 512  # of a bert_transformer that starts from no BERT, unless its flags say otherwise


class Pieces(Protocol):
    """What splits text into the entries of a dictionary."""

    vocabulary: frozenset[str]

    def encode(self, text: str) -> str:
        """Pieces of ``text``, separated by single spaces."""


class SentencePieces:
    """fairseq's own ``--bpe sentencepiece``, so that training sees the pieces that fairseq-interactive will make.

    Args:
        folder: what ``asr-correct sentencepiece`` wrote.
    """

    def __init__(self, folder: Path) -> None:
        for name in ("spm.model", "dict.txt"):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name} is not there: name the folder that asr-correct sentencepiece wrote")
        try:
            self._model = SentencepieceBPE(SentencepieceConfig(sentencepiece_model=str(folder / "spm.model")))
        except (RuntimeError, OSError) as error:
            raise UserError(f"{folder / 'spm.model'} is not a SentencePiece model: train it again") from error
        self.vocabulary = frozenset(read_vocabulary(folder / "dict.txt"))

    def encode(self, text: str) -> str:
        """Pieces of ``text``, separated by single spaces."""
        return self._model.encode(text)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if args.sentencepiece and args.lowercase:
        make_parser().error("--lowercase needs --bert-init: fairseq's --bpe sentencepiece cannot lowercase its input")

    names = find_sets(args.pairs)
    if args.bert_init:
        max_pieces = read_shape(args.bert_init)["max_source_positions"] - 2  # [CLS] and [SEP] take two
        pieces_of: Pieces = WordPiece.from_file(args.bert_init / "vocab.txt", args.lowercase)
    else:
        max_pieces = POSITIONS - 2
        pieces_of = SentencePieces(args.sentencepiece)
    with finished_together(args.save_to) as binary:
        pieces = binary.with_name(f"{binary.name}.pieces")  # on the disk that needs the room anyway
        pieces.mkdir()
        for name in names:
            for side in SIDES:
                file = f"{name}.{side}"
                encode_file(args.pairs / file, pieces / file, pieces_of, max_pieces, args.cut)
        run_fairseq_preprocess(names, pieces, binary, (args.bert_init or args.sentencepiece) / "dict.txt", args.workers)
    print(f"{args.save_to}: {', '.join(names)}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("binarize", __doc__)
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder with NAME.bad and NAME.good")
    vocabulary = parser.add_mutually_exclusive_group(required=True)
    vocabulary.add_argument(
        "--bert-init", type=Path, metavar="DIR", help="split into word pieces: a folder that asr-correct bert wrote"
    )
    vocabulary.add_argument(
        "--sentencepiece",
        type=Path,
        metavar="DIR",
        help="split without a BERT: a folder that asr-correct sentencepiece wrote",
    )
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="the data-bin folder to write")
    parser.add_argument("--lowercase", action="store_true", help="lowercase the text first, for uncased vocabularies")
    parser.add_argument("--cut", action="store_true",
        help="cut sentences that are too long, and say how many (default: stop at the first)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    return parser


def find_sets(folder: Path) -> list[str]:
    """The names of the sets of pairs in a folder; both sides of each have equally many lines.

    Raises:
        UserError: there are none, a name is unusable, or the sides do not match.
    """
    names = sorted(path.stem for path in folder.glob("*.bad"))
    if not names:
        raise UserError(f"{folder} has no NAME.bad: make pairs with asr-correct pairs first")
    for name in names:
        if not is_set_name(name):
            raise UserError(f"{folder}/{name}.bad: a set's name may only have letters, digits, - and _")
        bad, good = (sum(1 for _ in read_lines(folder / f"{name}.{side}")) for side in SIDES)
        if bad != good:
            raise UserError(f"{folder}/{name}.bad has {bad} lines but {name}.good has {good}: they must be pairs")
    return names


def encode_file(source: Path, target: Path, pieces_of: Pieces, max_pieces: int, cut: bool) -> None:
    """Writes the pieces of a file, and reports what was cut and what the vocabulary cannot spell.

    Raises:
        UserError: a sentence has more than ``max_pieces`` pieces, and ``cut`` is false.
    """
    too_long, unknown, example = 0, 0, ""
    bert = isinstance(pieces_of, WordPiece)
    whose = "BERT's" if bert else "model's"
    with open(target, "w", encoding="utf-8") as output:
        for number, line in enumerate(tqdm(read_lines(source), desc=str(source), unit=" lines", disable=None), start=1):
            pieces = pieces_of.encode(line).split()
            if len(pieces) > max_pieces:
                if not cut:
                    raise UserError(
                        f"{source} line {number} has {len(pieces)} pieces, more than this {whose} {max_pieces}: "
                        "split the line, or pass --cut"
                    )
                too_long += 1
            for piece in pieces:
                if piece not in pieces_of.vocabulary:
                    unknown, example = unknown + 1, example or piece
            print(*pieces[:max_pieces], file=output)
    if too_long:
        print(f"{source}: {too_long:,} sentences cut to {max_pieces} pieces")
    if unknown:
        hint = "; this vocabulary may be uncased: try --lowercase" if bert and example != example.lower() else ""
        print(f"{source}: {unknown:,} words become <unk>, such as {example!r}{hint}")


def run_fairseq_preprocess(names: list[str], pieces: Path, binary: Path, dictionary: Path, workers: int) -> None:
    """Runs fairseq-preprocess over all sets, and gives its numbered test sets their names back."""
    if not dictionary.is_file():
        raise UserError(f"{dictionary} is not there: name the folder that asr-correct bert wrote")
    tests = [name for name in names if name not in ("train", "valid")]
    numbered = pieces / "binary"
    argv = ["--source-lang", SIDES[0], "--target-lang", SIDES[1], "--destdir", numbered.name, "--workers", str(workers)]
    argv += ["--srcdict", str(dictionary.resolve()), "--tgtdict", str(dictionary.resolve())]
    for subset in ("train", "valid"):
        if subset in names:
            argv += [f"--{subset}pref", subset]
    if tests:
        argv += ["--testpref", ",".join(tests)]
    with contextlib.chdir(pieces):  # relative names: fairseq splits paths at commas
        preprocess.main(options.get_preprocessing_parser().parse_args(argv))
    name_of = {f"test{i or ''}": name for i, name in enumerate(tests)}
    for file in numbered.iterdir():
        subset, _, rest = file.name.partition(".")
        file.rename(binary / f"{name_of.get(subset, subset)}.{rest}")
