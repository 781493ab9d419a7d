#!/usr/bin/env python3
"""Make a folder of a trained corrector that Hugging Face's transformers loads without this project.

    python scripts/export_huggingface.py runs/librispeech corrector-hf --vocab bert_init/vocab.txt --report report

The corrector is a checkpoint, the folder of a training, or one of scripts/export_model.py. What is written is the model
as an EncoderDecoderModel, the tokenizer, and a model card, README.md. It is read back before it appears: one that
would compute something else is refused. Then, anywhere:

    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model, tokenizer = (each.from_pretrained("corrector-hf") for each in (AutoModelForSeq2SeqLM, AutoTokenizer))
    batch = tokenizer(["the boys hous is read"], return_tensors="pt")
    print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
"""

import argparse
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import transformers

from fairseq_asr_correct.encoders.wordpiece import read_vocabulary
from fairseq_asr_correct.formats.huggingface.writing import write
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.new_folder import new_folder
from fairseq_asr_correct.stored.config import read_json
from fairseq_asr_correct.stored.strangers import MOST_TOKENIZER


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="a checkpoint, or a corrector's folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write; a new one")
    parser.add_argument(
        "--vocab",
        type=Path,
        metavar="FILE",
        help="vocab.txt of its BERT: tokens get the numbers they have there (default: the dictionary's order)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="folder of scripts/evaluate.py, whose numbers the model card shows"
    )
    parser.add_argument("--force", action="store_true", help="replace the files of a folder that is there")
    args = parser.parse_args(argv)

    transformers.utils.logging.disable_progress_bar()
    vocab = read_vocabulary(args.vocab) if args.vocab else None
    advice = "write it with scripts/evaluate.py"
    report = read_json(args.report / "report.json", advice, MOST_TOKENIZER) if args.report else None
    with new_folder(args.out, args.force) as unfinished:
        write(unfinished, load_any(args.checkpoint), vocab, report)
    size = sum(file.stat().st_size for file in args.out.iterdir() if file.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB; it says what {args.checkpoint} says")


if __name__ == "__main__":
    main()
