"""Opens a folder of ``asr-correct export``, with ``--to onnx`` or without.

    corrector/
        config.json, model.safetensors, dict.txt, decision.json    as those that fairseq loads
        spelling.safetensors                       of a model with a copy path: how its entries are spelled
        encoder.onnx, decoder.onnx, output.onnx    the arithmetic; the weights are in the files above

What is in the last two lines is only in folders of ``--to onnx``: for others, the spelling is computed anew.

The folder may come from a stranger. ONNX Runtime gets graphs that are made here of the other files, and none of the
folder's, which are for other programs. If they are of this version, they must be the same byte for byte: a folder whose
graphs do anything else is refused.
"""

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.finding import is_onnx
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.folders.strangers import MOST_ENTRIES, read_bytes, read_text
from fairseq_asr_correct.runtime.building.decoder_graph import decoder_graph
from fairseq_asr_correct.runtime.building.encoder_graph import encoder_graph
from fairseq_asr_correct.runtime.building.graph_builder import HEAD
from fairseq_asr_correct.runtime.building.output_graph import output_graph
from fairseq_asr_correct.runtime.computable import WEIGHTS
from fairseq_asr_correct.runtime.expected import check_numbers, check_tensors
from fairseq_asr_correct.runtime.shape import Shape
from fairseq_asr_correct.runtime.spelling_tensors import spelling_tensors
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors
from fairseq_asr_correct.tokens.dictionaries import PlainDictionary
from fairseq_asr_correct.tokens.word_pieces import SPECIALS
from fairseq_asr_correct.work.processors import cores

BUILDERS = {"encoder.onnx": encoder_graph, "decoder.onnx": decoder_graph, "output.onnx": output_graph}
SPELLING = "spelling.safetensors"
MOST_GRAPH = 8 << 20  # bytes; a layer takes 10 kB
ADVICE = "write the folder again with asr-correct export --to onnx"
ADVICE_ELSE = "write the folder again with asr-correct export --dtype int8 or float32"
Arrays = dict[str, NDArray]
Change = Callable[[StoredTensors], Arrays]


class Graph:
    """A loaded graph, which threads may share.

    Args:
        session: that has loaded it.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._names = [one.name for one in session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        """Its outputs by name."""
        return dict(zip(self._names, self._session.run(self._names, inputs), strict=True))


@dataclass(frozen=True)
class Graphs:
    """The graphs of a corrector; see ``building`` for what goes in and out."""

    shape: Shape
    symbols: list[str]  #: the dictionary's entries in order
    int8: bool  #: whether products are in int8
    threads: int  #: that share the sentences of a batch
    encoder: Graph
    decoder: Graph
    output: Graph

    @property
    def longest(self) -> int:
        """The most tokens of a source or an output, without its end."""
        return self.shape.positions - 2


def open_graphs(folder: str | Path, threads: int | None = None, change: Change | None = None) -> Graphs:
    """The graphs in a folder.

    Args:
        folder: it may come from a stranger.
        threads: how many threads compute (default: ONNX Runtime's choice in a product, and this process's cores for
            the sentences of a batch).
        change: gives tensors, as they are stored, that take the place of some of the folder's.

    Raises:
        UserError: the folder is incomplete or damaged, or its files do not belong together.
    """
    folder = Path(folder)
    complete = is_onnx(folder)
    advice = ADVICE if complete else ADVICE_ELSE
    config, path = read_json(folder / "config.json", advice), folder / "config.json"
    try:
        shape = Shape.of(config)
        path = folder / "dict.txt"
        symbols = read_symbols(path)
        path = folder / WEIGHTS
        names = [WEIGHTS, *[SPELLING] * (shape.copies and complete)]
        tensors = StoredTensors(folder, names)
        check_tensors(tensors, shape, len(symbols), complete)
        check_numbers(tensors)
        if int(tensors.numbers("dictionary_version")) != dictionary_version(symbols):
            raise ValueError("it was made with another dictionary than dict.txt")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not that of a corrector ({reason(error)}): {advice}") from error
    for name, build in BUILDERS.items() if complete else ():
        _check_same(folder / name, build(shape, tensors))
    int8 = tensors["encoder.embed_tokens.weight"].dtype == "int8"
    place, names = _where([folder / name for name in names])
    made = spelling_tensors(symbols, int8) if shape.copies and not complete else {}
    linked = StoredTensors(place, names, made | (change(tensors) if change else {}))
    loaded = (_loaded(place, build(shape, linked), threads) for build in BUILDERS.values())
    return Graphs(shape, symbols, int8, threads or cores(), *loaded)


def read_symbols(path: Path) -> list[str]:
    """The entries of a fairseq dictionary, the four in front that are not in the file included.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no dictionary.
    """
    entries = [line.rpartition(" ") for line in read_text(path, MOST_ENTRIES).removesuffix("\n").split("\n")]
    for number, (symbol, _, count) in enumerate(entries, 1):
        if not symbol or not count.isdecimal():
            raise ValueError(f"line {number} is not an entry with its count")
    return PlainDictionary([*SPECIALS, *(symbol for symbol, _, _ in entries)]).symbols


def dictionary_version(symbols: list[str]) -> int:
    """As ``models/bert_transformer.py`` has it, for a dictionary of source and target."""
    text = "\n".join(symbols)
    return int.from_bytes(hashlib.sha256(f"{text}\n\n{text}".encode()).digest()[:5], "big")


def _where(paths: list[Path]) -> tuple[Path, list[str]]:
    """The folder and the names of files that may be links, which ONNX Runtime does not follow out of a folder.

    Raises:
        UserError: they are in several folders.
    """
    files = [path.resolve() for path in paths]
    place = files[0].parent
    if any(file.parent != place for file in files):
        raise UserError(f"{paths[0].parent} has links to files in several folders: copy them into one")
    return place, [file.name for file in files]


@lru_cache(maxsize=1)
def sums_in_32_bits() -> bool:
    """Whether the processor adds products of 8 bits in 32 bits; if not, ONNX Runtime has a slower way that is as exact.

    The option for it must not be set elsewhere: there it takes up to three times as long, for nothing.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _check_same(path: Path, content: bytes) -> None:
    try:
        found = read_bytes(path, MOST_GRAPH)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({reason(error)}): {ADVICE}") from error
    if found != content and found.startswith(HEAD):
        raise UserError(f"{path} is not the graph that this version makes of the folder's other files: {ADVICE}")


def _loaded(folder: Path, content: bytes, threads: int | None) -> Graph:
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3  # errors, which are raised too
    options.enable_mem_pattern = False  # lengths differ
    # Threads that wait would take the cores from other work, and from each other: five times as slow on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    if not sums_in_32_bits():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return Graph(onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]))
