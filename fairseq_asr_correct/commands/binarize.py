"""Split bad/good pairs into the pieces of BERT or SentencePiece, and store them as fairseq-preprocess does.

Every NAME.bad with its NAME.good in --pairs becomes a subset of that name: `train` and `valid` for
fairseq-train, the others for `fairseq-generate --gen-subset NAME`.

    asr-correct binarize --pairs pairs --bert-init bert_init --save-to data-bin
    asr-correct binarize --pairs pairs --sentencepiece spm --save-to data-bin    # spm is from asr-correct sentencepiece
"""

import argparse
import functools
import itertools
from collections.abc import Iterable
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: fairseq's import then leaves the log alone)

# isort: split
from fairseq.data.indexed_dataset import MMapIndexedDataset
from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.encoders.piece_ids import Encoding, Ids, chunks_of, id_type, make_encoder
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_set_name
from fairseq_asr_correct.models.bert_init import read_shape
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.work.processes import ordered_map
from fairseq_asr_correct.work.processors import cores

SIDES = ("bad", "good")
WORTH_A_PROCESS = 500_000  # lines; a process takes about as long to start
POSITIONS = 512  # of a bert_transformer that starts from no BERT, unless its flags say otherwise


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if args.sentencepiece and args.lowercase:
        make_parser().error("--lowercase needs --bert-init: fairseq's --bpe sentencepiece cannot lowercase its input")

    encoding = encoding_of(args)
    sizes = find_sets(args.pairs)
    with finished_together(args.save_to) as binary:
        encode_sets(args.pairs, sizes, encoding, binary, args.workers)
    print(f"{args.save_to}: {', '.join(sizes)}")


def encoding_of(args: argparse.Namespace) -> Encoding:
    """How the lines become ids."""
    positions = read_shape(args.bert_init)["max_source_positions"] if args.bert_init else POSITIONS
    max_pieces = positions - 2  # [CLS] and [SEP] take two
    return Encoding(args.bert_init or args.sentencepiece, bool(args.bert_init), args.lowercase, max_pieces, args.cut)


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
    parser.add_argument("--workers", type=int, default=cores(), help="at most so many processes (default: all cores)")
    return parser


def find_sets(folder: Path) -> dict[str, int]:
    """The names of the sets of pairs in a folder, each with its number of lines, the same on both sides.

    Raises:
        UserError: there are none, a name is unusable, or the sides do not match.
    """
    names = sorted(path.stem for path in folder.glob("*.bad"))
    if not names:
        raise UserError(f"{folder} has no NAME.bad: make pairs with asr-correct pairs first")
    sizes = {}
    for name in names:
        if not is_set_name(name):
            raise UserError(f"{folder}/{name}.bad: a set's name may only have letters, digits, - and _")
        sizes[name], good = (sum(1 for _ in read_lines(folder / f"{name}.{side}")) for side in SIDES)
        if sizes[name] != good:
            raise UserError(
                f"{folder}/{name}.bad has {sizes[name]} lines but {name}.good has {good}: they must be pairs"
            )
    return sizes


def encode_sets(pairs: Path, sizes: dict[str, int], encoding: Encoding, binary: Path, workers: int) -> None:
    """Writes all sets into a folder: for each side of each a file of ids, and a file of the lengths of its lines.

    Raises:
        UserError: a sentence is too long, or a process was ended.
    """
    encoding.pieces()  # its mistakes are told before processes start
    dictionary = encoding.dictionary()
    for side in SIDES:
        dictionary.save(str(binary / f"dict.{side}.txt"))
    files = [pairs / f"{name}.{side}" for name in sizes for side in SIDES]
    lines = sum(sizes.values()) * len(SIDES)
    chunks = itertools.chain.from_iterable(map(chunks_of, files))
    found = ordered_map(functools.partial(make_encoder, encoding), chunks, min(workers, 1 + lines // WORTH_A_PROCESS))
    progress = tqdm(desc=str(pairs), total=lines, unit=" lines", disable=None)
    with progress:
        for path, parts in itertools.groupby(found, lambda part: part.path):
            target = binary / f"{path.stem}.{'-'.join(SIDES)}{path.suffix}"
            write_file(target, parts, encoding, id_type(dictionary), progress)


def write_file(target: Path, parts: Iterable[Ids], encoding: Encoding, dtype: type, progress: tqdm) -> None:
    """Writes one side of a set, ``target.bin`` and ``target.idx``; reports what was cut and cannot be spelled."""
    lengths, cut, unknown, example = list[int](), 0, 0, ""
    with open(f"{target}.bin", "wb") as file:
        for part in parts:
            file.write(part.ids)
            lengths += part.lengths
            cut += part.cut
            unknown += len(part.unknown)
            example = example or next(iter(part.unknown), "")
            progress.update(len(part.lengths))
    with MMapIndexedDataset.Index.writer(f"{target}.idx", dtype) as index:
        index.write(lengths)
    if cut:
        print(f"{part.path}: {cut:,} sentences cut to {encoding.max_pieces} pieces")
    if unknown:
        cased = encoding.bert and example != example.lower()
        hint = "; this vocabulary may be uncased: try --lowercase" if cased else ""
        print(f"{part.path}: {unknown:,} words become <unk>, such as {example!r}{hint}")
