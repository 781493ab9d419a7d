"""Writes a folder that ``runtime/graphs.py`` opens: this package's own, with three graphs and the spelling in it."""

from pathlib import Path

import torch
from fairseq.data import data_utils
from safetensors.numpy import save
from torch import Tensor

from fairseq_asr_correct.decoding.keep import score
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.formats import pretrained
from fairseq_asr_correct.formats.pretrained import Pretrained
from fairseq_asr_correct.runtime.computable import WEIGHTS
from fairseq_asr_correct.runtime.graphs import BUILDERS, SPELLING, open_graphs
from fairseq_asr_correct.runtime.guided import GuidedDecoder
from fairseq_asr_correct.runtime.shape import Shape
from fairseq_asr_correct.runtime.spelling_tensors import spelling_tensors
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

QUANTIZATIONS = ("int8", "float32")
FILES = (*pretrained.FILES, SPELLING, *BUILDERS)


def write(folder: Path, corrector: Pretrained, quantization: str, rule: Path | None = None) -> None:
    """Writes the files into an existing folder.

    Args:
        folder: the folder.
        corrector: in float32.
        quantization: of the matrices, one of :data:`QUANTIZATIONS`.
        rule: a ``decision.json`` or ``keep.json`` to copy.

    Raises:
        UserError: the graphs cannot compute what this model does, or it has weights that are not numbers.
    """
    pretrained.write(folder, corrector.model, corrector.dictionary, quantization, rule)
    try:
        shape = Shape.of(read_json(folder / "config.json", "export it anew"))
    except ValueError as error:
        raise UserError(f"this model cannot be exported for ONNX Runtime: {error}") from error
    names = [WEIGHTS]
    if shape.copies:
        (folder / SPELLING).write_bytes(save(spelling_tensors(corrector.dictionary.symbols, quantization == "int8")))
        names.append(SPELLING)
    tensors = StoredTensors(folder, names)
    for name, build in BUILDERS.items():
        (folder / name).write_bytes(build(shape, tensors))


def differences(corrector: Pretrained, folder: Path) -> Tensor:
    """Absolute differences of the log-probabilities that a corrector and a folder give the tokens of random sentences.

    They are NaN where one of the two gives NaN.
    """
    dictionary, decoder = corrector.dictionary, GuidedDecoder(open_graphs(folder, torch.get_num_threads()))
    longest = min(corrector.model.max_positions()) - 1
    draw = torch.Generator().manual_seed(1)
    lengths = [min(length, longest) for length in (1, 10, 30, longest)]
    source, target = (
        [torch.randint(dictionary.nspecial, len(dictionary), (n,), generator=draw).tolist() for n in some]
        for some in (lengths, lengths[::-1])
    )
    rows = data_utils.collate_tokens(
        [torch.tensor([*row, dictionary.eos()]) for row in source], dictionary.pad(), left_pad=True
    )
    targets = [torch.tensor([*row, dictionary.eos()]) for row in target]
    expected = torch.cat(score([corrector.model], rows, targets, dictionary))
    return (torch.tensor([each for row in decoder.score(source, target) for each in row]) - expected).abs()
