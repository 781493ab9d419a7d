"""Whether the graphs can compute a folder's model; this does not load ONNX Runtime."""

from pathlib import Path

from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.runtime.shape import Shape
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

WEIGHTS = "model.safetensors"


def is_computable(folder: Path) -> bool:
    """Whether graphs can be made of a folder's model, by its shape and the type of its matrices.

    Whether its files are whole is not looked at; those of which nothing can be read are not computable.
    """
    try:
        shape = Shape.of(read_json(folder / "config.json", "export it anew"))
        tensors = StoredTensors(folder, [WEIGHTS])
    except (OSError, ValueError):
        return False
    return shape.embeddings in tensors and tensors[shape.embeddings].dtype in ("int8", "float32")
