"""Split text files into BERT's word pieces, or join the pieces again; nothing is lost either way.

    asr-correct wordpiece --vocab bert_init/vocab.txt --input train.bad --output train.wp.bad
    asr-correct wordpiece --decode --input train.wp.bad --output train.bad

`--vocab` is the file that `asr-correct bert` writes; joining needs none.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.tokens.word_pieces import WordPiece
from fairseq_asr_correct.transcripts.lines import read_lines


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if not args.decode and args.vocab is None:
        make_parser().error("--vocab is needed to split text")

    convert = WordPiece.decode if args.decode else WordPiece.from_file(args.vocab, args.lowercase).encode
    with atomic_write(args.output) as output:
        for line in tqdm(read_lines(args.input), desc=str(args.input), unit=" lines", disable=None):
            print(convert(line), file=output)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("wordpiece", __doc__)
    parser.add_argument("--vocab", type=Path, help="BERT's vocab.txt (not needed with --decode)")
    parser.add_argument("--lowercase", action="store_true", help="lowercase the text first, for uncased vocabularies")
    parser.add_argument("--decode", action="store_true", help="join pieces into text")
    parser.add_argument("--input", type=Path, required=True, help="text file, one sentence per line")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    return parser
