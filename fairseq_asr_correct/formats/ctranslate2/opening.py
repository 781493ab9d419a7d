"""Loads a CTranslate2 folder for a :class:`~fairseq_asr_correct.Corrector`."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.rules import rule_of
from fairseq_asr_correct.formats.ctranslate2.generator import CTranslate2Generator, CTranslate2Model
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task
from fairseq_asr_correct.tokens.search import Search


def load_ctranslate2(
    folder: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype | str | None = None
) -> Pretrained:
    """The model in a folder of ``asr-correct export --to ctranslate2``, with its task.

    Args:
        folder: it may come from a stranger.
        device: such as "cpu", "cuda" or "cuda:1".
        dtype: number type to compute in, apart from int8 matrices (default: the type that the folder was written in,
            or the nearest type that the device supports).

    Raises:
        UserError: the folder is incomplete or damaged, the device or the type is not available, or
            CTranslate2 is not installed.
    """
    try:
        import ctranslate2
    except ImportError as error:
        raise UserError(
            f"{folder} is for CTranslate2, which is not installed: pip install 'fairseq-asr-correct[ctranslate2]'"
        ) from error
    from fairseq_asr_correct.formats.ctranslate2.folder import ADVICE, read

    folder = Path(folder)
    kind, _, number = str(device).partition(":")
    try:
        types = ctranslate2.get_supported_compute_types(kind, int(number or 0))
    except (ValueError, RuntimeError) as error:
        raise UserError(f"device={str(device)!r} cannot be used ({reason(error)}): use device='cpu'") from error
    dictionary, positions, int8 = read(folder)
    compute_type = "default"
    if dtype is not None:
        name = str(dtype).removeprefix("torch.")
        compute_type = f"int8_{name}" if int8 else name
        if compute_type not in types:
            raise UserError(
                f"dtype={dtype!r}: this {kind} cannot compute in {compute_type}, only in {', '.join(sorted(types))}; "
                "leave dtype out"
            )
    try:
        translator = ctranslate2.Translator(
            str(folder),
            device=kind,
            device_index=int(number or 0),
            compute_type=compute_type,
            intra_threads=torch.get_num_threads(),
        )
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{folder} cannot be loaded by CTranslate2 ({reason(error)}): {ADVICE}") from error
    return Pretrained(CTranslate2Model(translator, dictionary, positions), make_task(dictionary, rule_of(folder)))


def generator_of(model: nn.Module, search: Search) -> dict[str, Any]:
    """Arguments for a task's ``build_generator``, besides the flags, to search with this model.

    Raises:
        UserError: CTranslate2 does not have this decoding.
    """
    if not isinstance(model, CTranslate2Model):
        return {}
    if search.guided:
        raise UserError(f"decoding={search.decoding!r} does not work with CTranslate2: leave it out, or give beam=1")
    return {"seq_gen_cls": CTranslate2Generator}
