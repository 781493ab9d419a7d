"""A corrector to train on from, as a folder for ``--bert-init`` and ``--finetune-from-model``.

It has what ``asr-correct bert`` writes, made of the corrector's own weights, and ``checkpoint.pt``, which also has the
weights of the copy path.
"""

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
import torch
from torch import nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import CHECKPOINTS
from fairseq_asr_correct.formats.huggingface.importing import checkpoint, flags_of
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.models.bert_init import SHAPE, write_bert_init
from fairseq_asr_correct.models.bert_weights import SPECIALS, StateDict
from fairseq_asr_correct.stored.config import ARGUMENTS

CHECKPOINT = "checkpoint.pt"
NOT_IN_BERT = ("copying.", "output_projection.", "version")


def is_corrector(start: str) -> bool:
    """Whether this names a corrector: an exported folder, a training's folder, or a checkpoint; and no BERT."""
    path = Path(start)
    if path.is_file():
        return True
    if any((path / where / name).is_file() for where in ("", "checkpoints") for name in CHECKPOINTS):
        return True
    try:
        return "architecture" in json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def write_start(start: Path, folder: Path, architecture: str, decoder_layers: int) -> None:
    """Writes a corrector into an existing folder, to train on from.

    Args:
        start: an exported folder, a training's folder or a checkpoint.
        folder: the folder.
        architecture: what is to be trained.
        decoder_layers: what is to be trained.

    Raises:
        UserError: it cannot be read, or what is to be trained has another shape.
    """
    found = load_any(start)
    args: Any = found.model.args
    dictionary = found.dictionary
    if (args.arch, args.decoder_layers) != (architecture, decoder_layers):
        raise UserError(
            f"{start} is a {args.arch} with {args.decoder_layers} decoder layers, and the recipe trains a "
            f"{architecture} with {decoder_layers}: give the recipe those of the start"
        )
    if not (args.share_all_embeddings and args.share_decoder_input_output_embed):
        raise UserError(f"{start} has embeddings for each side, and cannot be trained on from here: start from another")
    symbols = dictionary.symbols[dictionary.nspecial :]
    config = {"bert": start.name, **{name: getattr(args, name) for name in SHAPE}}
    vocab = [*SPECIALS.values(), *symbols]
    write_bert_init(folder, config, _half(found.model, "encoder."), _half(found.model, "decoder."), vocab, symbols)
    shape = Namespace(**{name: getattr(args, name) for name in ARGUMENTS}, arch=args.arch)
    file = io.BytesIO()  # torch hides the error of a full disk
    torch.save(checkpoint(found.model, flags_of(shape)), file)
    (folder / CHECKPOINT).write_bytes(file.getbuffer())


def _half(model: nn.Module, part: str) -> StateDict:
    """The parameters of one half, under the names that ``--bert-init`` has for them."""
    named = model.named_parameters(remove_duplicate=False)
    state = {name.removeprefix(part): tensor.detach() for name, tensor in named if name.startswith(part)}
    return {name: tensor.clone() for name, tensor in state.items() if not name.startswith(NOT_IN_BERT)}
