"""Train a SentencePiece vocabulary, for a language or domain that has no BERT.

    asr-correct sentencepiece --input pairs/train.bad pairs/train.good --save-to spm
    asr-correct binarize --pairs pairs --sentencepiece spm --save-to data-bin

The first command writes spm/spm.model and spm/dict.txt. A corrector that was trained on this data-bin reads and writes
raw text with `--bpe sentencepiece --sentencepiece-model spm/spm.model`. Only white space is normalized, so text comes
back as it was, with single spaces between words.
"""

import argparse
import contextlib
import io
import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: fairseq's import then leaves the log alone)

# isort: split
import sentencepiece
from fairseq.data import Dictionary

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together
from fairseq_asr_correct.transcripts.lines import read_lines

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # how SentencePiece spells a space
LONGEST_LINE = 1 << 20  # bytes; SentencePiece skips longer lines silently, by default from 4192 on


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)

    model = train(args.input, args.pieces, args.character_coverage, args.sentences, args.seed)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    dictionary = make_dictionary(processor)
    with finished_together(args.save_to) as unfinished:
        (unfinished / "spm.model").write_bytes(model)
        dictionary.save(str(unfinished / "dict.txt"))
    pieces = processor.get_piece_size() - 1  # <unk> is fairseq's
    print(f"{args.save_to}: {pieces:,} pieces, {len(dictionary):,} entries in the dictionary")
    if pieces + 1 < args.pieces:
        print(f"the text has no more pieces than that; --pieces asked for {args.pieces:,}", file=sys.stderr)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("sentencepiece", __doc__)
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        nargs="+",
        metavar="FILE",
        help="texts of both sides, one sentence per line",
    )
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--pieces", type=int, default=8000, help="size of the vocabulary (default: 8000)")
    parser.add_argument(
        "--character-coverage",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="share of the characters to keep; the others become <unk> (default: 1; 0.9995 for scripts with "
        "thousands of characters)",
    )
    parser.add_argument(
        "--sentences",
        type=int,
        default=5_000_000,
        help="train on at most so many sentences, drawn at random (default: 5000000)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the draw (default: 1)")
    return parser


def train(texts: list[Path], pieces: int, coverage: float, sentences: int, seed: int) -> bytes:
    """A unigram model as bytes; the same for the same texts and seed.

    Raises:
        UserError: a text cannot be read, there is none, or SentencePiece refuses the settings.
    """
    if not 0.98 <= coverage <= 1:
        raise UserError(f"--character-coverage {coverage}: SentencePiece takes shares from 0.98 to 1")
    lines = words_of([path.absolute() for path in texts])
    first = next(lines, None)
    if first is None:
        raise UserError(f"{', '.join(map(str, texts))}: there is no text to train on")
    told: list[UserError] = []

    def all_lines() -> Iterator[str]:
        try:
            yield from itertools.chain([first], lines)
        except UserError as error:  # SentencePiece would replace it by its own
            told.append(error)
            raise

    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # the model remembers the file's name
        # The model turns all white space into spaces: in fairseq's files only spaces separate pieces.
        spaces = [code for code in range(sys.maxunicode + 1) if chr(code).isspace() and chr(code) != " "]
        Path("spaces.tsv").write_text("".join(f"{code:X}\t20\n" for code in spaces))
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=all_lines(),
                model_writer=model,
                model_type="unigram",
                vocab_size=pieces,
                hard_vocab_limit=False,  # small texts have fewer pieces
                character_coverage=coverage,
                normalization_rule_tsv="spaces.tsv",
                input_sentence_size=sentences,
                shuffle_input_sentence=True,
                max_sentence_length=LONGEST_LINE,
                num_threads=1,  # several threads sum in an order that varies
                bos_id=-1,
                eos_id=-1,
                unk_id=0,
                minloglevel=2,
            )
        except (RuntimeError, OSError, SystemError) as error:
            if told:
                raise told[0] from None
            last_line = str(error).strip().splitlines()[-1]  # the others are SentencePiece's source code
            raise UserError(f"SentencePiece cannot make {pieces} pieces of this text: {last_line}") from error
    return model.getvalue()


def words_of(texts: list[Path]) -> Iterator[str]:
    """The lines that have words, with single spaces between them.

    Raises:
        UserError: a line holds SentencePiece's sign for a space, which would come back as a space.
    """
    for path in texts:
        for number, line in enumerate(read_lines(path), start=1):
            if SPACE in line:
                raise UserError(
                    f"{path} line {number} holds {SPACE!r}, which SentencePiece takes for a space: remove it"
                )
            if words := " ".join(line.split()):
                yield words


def make_dictionary(processor: sentencepiece.SentencePieceProcessor) -> Dictionary:
    """A fairseq dictionary of the pieces: fairseq's four specials come first, and it is padded to a multiple of 8.

    Raises:
        UserError: a piece is one of fairseq's own symbols.
    """
    dictionary = Dictionary()
    for i in range(processor.get_piece_size()):
        if processor.is_unknown(i):
            continue
        piece = processor.id_to_piece(i)
        if piece in dictionary:
            raise UserError(f"the text holds {piece!r} so often that it became a piece, but fairseq uses it itself: "
                            "remove it from the text")  # fmt: skip
        dictionary.add_symbol(piece)
    dictionary.pad_to_multiple_(8)
    return dictionary
