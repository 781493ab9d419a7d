"""A corrector as a folder to share: small, complete, and without code.

    corrector/
        config.json         the architecture, and the arguments that define what it computes
        model.safetensors   the weights; matrices may be int8 with a scale for each row
        dict.txt            fairseq's dictionary
        decision.json       of asr-correct tune: which corrections to take; optional (keep.json of earlier versions)

``asr-correct export`` writes it, and :class:`~fairseq_asr_correct.corrector.corrector.Corrector` reads it.
"""

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary
from torch import nn

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.domains.domain_folder import Domain
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.finding import EXPORTED
from fairseq_asr_correct.folders.rules import DECISION, KEEP, RULES, read_rule, rule_of
from fairseq_asr_correct.folders.strangers import MOST_ENTRIES, read_text
from fairseq_asr_correct.formats import checkpoints
from fairseq_asr_correct.formats.checkpoints import damage_told
from fairseq_asr_correct.models.bert_transformer import dictionary_version
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors
from fairseq_asr_correct.stored.config import build, read_config, write_config
from fairseq_asr_correct.stored.weights import check_finite, read_weights, save_weights, set_weights
from fairseq_asr_correct.tasks.asr_correction import DECODINGS, AsrCorrectionConfig, AsrCorrectionTask

FILES = ("config.json", "model.safetensors", "dict.txt", *RULES)
DICTIONARY, EMBEDDINGS = "dictionary_version", "encoder.embed_tokens.weight"
ADVICE = "write the folder again with asr-correct export"


@dataclass(frozen=True)
class Pretrained:
    """A model with its task, ready to decode."""

    model: nn.Module  #: in eval mode
    task: AsrCorrectionTask  #: its rule is that of decision.json or keep.json

    @property
    def dictionary(self) -> Dictionary:
        """The dictionary of source and target."""
        return self.task.target_dictionary


def write(folder: Path, model: nn.Module, dictionary: Dictionary, dtype: str, rule: Path | None = None) -> None:
    """Writes the files into an existing folder.

    Args:
        folder: the folder.
        model: of one of this project's architectures.
        dictionary: of source and target.
        dtype: type of the matrices, one of ``stored.weights.DTYPES``.
        rule: a ``decision.json`` or ``keep.json`` to copy.

    Raises:
        UserError: a weight does not fit this type, or the rule cannot be read.
    """
    write_config(folder / "config.json", model)
    with open(folder / "dict.txt", "w", encoding="utf-8", newline="\n") as file:
        dictionary.save(file)
    save_weights(folder / "model.safetensors", model, dtype, {DICTIONARY: model.dictionary_version})
    if rule is not None:
        name = DECISION if read_rule(rule).likelihood else KEEP
        shutil.copyfile(rule, folder / name)


def load(folder: str | Path, dtype: torch.dtype = torch.float32, domain: Domain | None = None) -> Pretrained:
    """The model with its task.

    Args:
        folder: what :func:`write` wrote; it may come from a stranger.
        dtype: type to give the weights.
        domain: of which the folder is the base.

    Raises:
        UserError: the folder is incomplete or damaged, or its files do not belong together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name one that asr-correct export wrote")
    args = read_config(folder / "config.json", ADVICE)
    dictionary = read_dictionary(folder / "dict.txt")
    tensors = read_weights(folder / "model.safetensors", ADVICE)
    if not torch.equal(tensors.pop(DICTIONARY, torch.tensor(-1)), dictionary_version(dictionary, dictionary)):
        raise UserError(f"{folder}/dict.txt is not the dictionary of model.safetensors: {ADVICE}")
    task = make_task(dictionary, rule_of(domain.folder if domain else folder))
    try:
        model = build(args, task, sum(tensor.numel() for tensor in tensors.values()), len(tensors))
    except (ValueError, AssertionError, RuntimeError) as error:
        raise UserError(f"{folder}/config.json does not describe a model ({reason(error)}): {ADVICE}") from error
    set_weights(model, tensors, folder / "model.safetensors", ADVICE)
    if domain is not None:
        change_weights(model, domain, folder)
    return Pretrained(in_dtype(model, dtype, folder), task)


@torch.no_grad()
def change_weights(model: nn.Module, domain: Domain, folder: Path) -> None:
    """Makes the domain's model of its base.

    Args:
        model: with the base's weights in float32.
        domain: what it changes.
        folder: of the base.

    Raises:
        UserError: they do not fit each other.
    """
    parameters = dict(model.named_parameters())
    for name, numbers in domain.changed(StoredTensors(folder, EXPORTED[1:])):
        parameters[name].copy_(torch.from_numpy(numbers))


def in_dtype(model: nn.Module, dtype: torch.dtype, origin: Path) -> nn.Module:
    """The model in another number type, in eval mode.

    Raises:
        UserError: a weight is too large for this type.
    """
    model = model.to(dtype).eval()
    check_finite(dict(model.named_parameters()), origin, "load it in float32")
    return model


def make_task(dictionary: Dictionary, rule: Rule | None = None, decoding: str = DECODINGS[0]) -> AsrCorrectionTask:
    """``--task asr_correction`` without data, with one dictionary for source and target."""
    task = AsrCorrectionTask(AsrCorrectionConfig(decoding=decoding), dictionary, dictionary)
    task.rule = rule
    return task


def read_checkpoint(path: Path, dictionary: Dictionary) -> nn.Module:
    """A checkpoint's model on the CPU, in eval mode and float32.

    Raises:
        UserError: it cannot be read, has another architecture, or was trained with another dictionary.
    """
    return model_of(checkpoints.load(path), path, dictionary)


def model_of(state: dict[str, Any], path: Path, dictionary: Dictionary) -> nn.Module:
    """The model of :func:`fairseq_asr_correct.formats.checkpoints.load`; see :func:`read_checkpoint`."""
    with damage_told(path):
        rows = len(state["model"][EMBEDDINGS])
        if rows != len(dictionary):
            raise ValueError(f"it has {rows} symbols, but the dictionary has {len(dictionary)}")
        (model,), _ = checkpoint_utils.load_model_ensemble([str(path)], task=make_task(dictionary), state=state)
    return model.float().eval()


def read_dictionary(path: str | Path) -> Dictionary:
    """Reads a ``dict.txt``.

    Raises:
        UserError: there is none, or it is not a dictionary.
    """
    try:
        return Dictionary.load(io.StringIO(read_text(path, MOST_ENTRIES), newline=None))
    except Exception as error:  # fairseq raises plain exceptions
        raise UserError(f"{path} cannot be read as a dictionary of fairseq: {reason(error)}") from error


def data_dictionary(folder: Path) -> Dictionary | None:
    """The one dictionary of a data-bin; None if it has none.

    Raises:
        UserError: source and target have different ones, or one cannot be read.
    """
    paths = sorted(path for path in folder.glob("dict.*txt") if path.is_file()) if folder.is_dir() else []
    first, *others = map(read_dictionary, paths) if paths else [None]
    if any(other.symbols != first.symbols for other in others):
        raise UserError(f"{folder} has dictionaries that differ; a corrector has one for source and target")
    return first
