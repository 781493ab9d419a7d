"""The model card, README.md of an exported folder."""

from typing import Any

from torch import nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.document import escape, table
from fairseq_asr_correct.version import __version__

HEAD = """\
---
library_name: transformers
tags:
- automatic-speech-recognition
- error-correction
---

# A corrector for speech recognizers

An encoder-decoder Transformer in BERT's shape ({shape}) that corrects the output of speech recognizers.
It was trained with fairseq-asr-correct {version} after Hrinchuk, Popova and Ginsburg, *Correction of Automatic Speech
Recognition with Transformer Sequence-to-sequence Model* ([arXiv 1910.10697](https://arxiv.org/abs/1910.10697)).
"""

USE = """\
## Use

    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained("FOLDER")
    model = AutoModelForSeq2SeqLM.from_pretrained("FOLDER")
    batch = tokenizer(["the boys hous is read"], padding=True, return_tensors="pt")
    written = model.generate(**batch, max_new_tokens=batch.input_ids.shape[1] + 50)
    print(tokenizer.batch_decode(written, skip_special_tokens=True))

`FOLDER` is this folder, or its name on a hub. `generation_config.json` has the search that the model is meant for, a
beam of {beams}; `num_beams=1` is greedy and faster. `max_new_tokens` limits texts that the model does not end; without
it, they reach {longest} tokens.

Only white space separates words, and text comes back as it was: "don't" stays "don't". A word that the vocabulary
cannot spell, such as one with a capital in an uncased vocabulary, becomes `[UNK]`: spell as the training data does.
A text has room for {room} tokens; cut longer ones.

The rule by which fairseq-asr-correct takes or leaves a correction (`decision.json`) is not part of this folder:
`generate` takes every correction.
"""

NUMBERS = """\
## Numbers

{table}

WER in percent, before and after correction; fewer errors: relative to those before, with a paired bootstrap interval;
false corrections: right words made wrong, of all right words. Counted as `{signature}`.
"""

LICENCE = """\
## Licence

Not stated: whoever publishes the model chooses it. It depends on the BERT and the data that the model was trained on.
"""


def model_card(model: nn.Module, beams: int, report: dict[str, Any] | None = None) -> str:
    """The card of a ``bert_transformer``.

    Args:
        model: the model.
        beams: the default beam size.
        report: a ``report.json`` of ``asr-correct evaluate``.

    Raises:
        UserError: the report lacks a part.
    """
    args = model.args
    shape = f"{args.encoder_layers} layers and {args.decoder_layers}, {args.encoder_embed_dim} wide"
    use = USE.format(beams=beams, longest=args.max_target_positions, room=args.max_source_positions - 2)
    parts = [HEAD.format(shape=shape, version=__version__), use, LICENCE]
    if report is not None:
        parts.insert(2, NUMBERS.format(**_numbers(report)))
    return "\n".join(parts)


def _numbers(report: dict[str, Any]) -> dict[str, str]:
    try:
        return {"table": table(report["sets"]), "signature": escape(report["signature"])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the report lacks {error}: give a report.json that asr-correct evaluate wrote") from error
