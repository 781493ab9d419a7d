"""Learns the error models that come with the package, for fairseq_asr_correct/simulation/known.

    python scripts/learn_known_errors.py --data ../shared/data --save-to fairseq_asr_correct/simulation/known

Each is learned from all pairs of its recognizers, and then pruned to what was seen often.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from fairseq_asr_correct.files import finished_file, make_folder
from fairseq_asr_correct.simulation.confusions import FORMAT
from fairseq_asr_correct.simulation.events import Pair
from fairseq_asr_correct.simulation.known_errors import KINDS
from fairseq_asr_correct.simulation.learn import learn
from fairseq_asr_correct.simulation.pruning import pruned
from fairseq_asr_correct.transcripts.json_rows import read_rows

COMMON_VOICE, LIBRISPEECH = "commonvoice/train.jsonl.gz", "librispeech/ctc.train_clean_100.jsonl"
SOURCES = {  # for each kind its files, with the recognizers to take where there are several
    "ctc": {COMMON_VOICE: ("mms-1b-l1107", "mms-1b-fl102"), LIBRISPEECH: ()},
    "whisper-small": {COMMON_VOICE: ("whisper-tiny", "whisper-base")},
    "whisper-large": {COMMON_VOICE: ("whisper-medium", "whisper-large-v2")},
}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the pairs")
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder to write to")
    args = parser.parse_args(argv)
    for kind in KINDS:
        learned = pruned(learn(pairs_of(args.data, kind)))
        content = json.dumps({"format": FORMAT, **asdict(learned)}, ensure_ascii=False, sort_keys=True)
        with finished_file(make_folder(args.save_to) / f"{kind}.errors.json.gz") as unfinished:
            unfinished.write_bytes(gzip.compress(content.encode(), 9, mtime=0))
        print(f"{kind}: {learned.pairs:,} pairs, word error rate {learned.wer:.4f}")


def pairs_of(data: Path, kind: str) -> Iterator[Pair]:
    """The words of each reference and hypothesis."""
    for name, recognizers in SOURCES[kind].items():
        for _, row in read_rows(data / name):
            if not recognizers or row["recognizer"] in recognizers:
                yield row["text"].split(), row["pred_text"].split()


if __name__ == "__main__":
    main()
