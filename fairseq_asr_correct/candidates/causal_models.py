"""Reads a causal language model of transformers, and says in a sentence why something is none.

A model may come from a stranger: code in its folder is not run, weights that are pickled are not read, and what is
larger than the free memory is refused before it is read.
"""

import importlib.util
import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
)
from transformers.utils import logging

from fairseq_asr_correct.candidates.language_model import LanguageModel
from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.json_files import read_json

ADVICE = "name a causal language model of transformers, as a folder, a .gguf file or a name"
GGUF, WEIGHTS = ".gguf", "*.safetensors"
MOST_LAYERS = 1000  # more are no model: building them would take hours
SPARE = 1.2  # memory that reading takes, in sizes of the model
ALIKE = 0.02  # relative difference between scores computed in two ways; bfloat16 makes 0.005
# Their words are among the commonest, so that a model of English of any kind and size knows them.
ENGLISH = (
    "i do not know where he went last night but she will tell us",
    "it was the first time that they had seen the house by the water",
    "what are you going to do with all of that money",
)


class Place(NamedTuple):
    """Where a language model is."""

    name: str  #: of a folder, or on the hub
    gguf: str | None  #: the file in it
    local: bool

    @property
    def files(self) -> list[Path]:
        """The files of a local model that what it computes depends on."""
        if not self.local:
            return []
        return (
            [Path(self.name, self.gguf)] if self.gguf else sorted(p for p in Path(self.name).iterdir() if p.is_file())
        )


def load(name: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Reads a causal language model.

    Args:
        name: a folder, a ``.gguf`` file or a folder with one, or the name of a model on Hugging Face's hub, which is
            downloaded if it is not there yet.
        device: where to compute.
        dtype: number type to compute in.

    Raises:
        UserError: it is missing or damaged, is no causal model, has no tokenizer, needs more memory than is free, or
            does not know English.
    """
    place = find(str(name))
    with _quietly():
        config = _config(place, name)
        _check_kind(config, name)
        _check_memory(config, dtype, torch.device(device), name)
        tokenizer = _tokenizer(place, name)
        model = _model(place, name, config, dtype).to(device).eval()
    return _tried(model, tokenizer, str(name))


def find(name: str) -> Place:
    """Where the model of a name is.

    Raises:
        UserError: nothing there can be a model, or a package is missing that would read it.
    """
    path = Path(name)
    if path.suffix == GGUF and path.is_file():
        return _gguf(path)
    if path.is_dir():
        files = sorted(path.glob(f"*{GGUF}"))
        if len(files) == 1 and not (path / "config.json").exists():
            return _gguf(files[0])
        if not (path / "config.json").exists():
            what = f"has {len(files)} {GGUF} files: name one" if files else f"has no config.json: {ADVICE}"
            raise UserError(f"{name} {what}")
        if "auto_map" in read_json(path / "config.json", ADVICE):
            raise UserError(f"{name} holds a model with code of its own, which is not run: name another")
        if not any(path.glob(WEIGHTS)):
            raise UserError(f"{name} has no weights in safetensors: save the model with save_pretrained")
        return Place(name, None, True)
    if path.exists() or not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", name) or path.suffix == GGUF:
        raise UserError(f"{name} is not there, or is no folder: {ADVICE}")
    return Place(name, None, False)


def _gguf(path: Path) -> Place:
    missing = [package for package in ("gguf", "accelerate") if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(f"{path} needs {' and '.join(missing)}: pip install 'fairseq-asr-correct[language-model]'")
    return Place(str(path.parent), path.name, True)


def _how(place: Place) -> dict[str, Any]:
    """How transformers is to read a place: without code, and nothing of a local one from elsewhere."""
    gguf = {"gguf_file": place.gguf} if place.gguf else {}
    return {"trust_remote_code": False, "local_files_only": place.local, **gguf}


def _config(place: Place, name: str | Path) -> Any:
    try:
        return AutoConfig.from_pretrained(place.name, **_how(place))
    except Exception as error:  # of many kinds, from the network to a damaged file
        raise UserError(f"{name} cannot be read as a model ({reason(error)}): {ADVICE}") from error


def _check_kind(config: Any, name: str | Path) -> None:
    kind = type(config)
    if getattr(config, "is_encoder_decoder", False):
        raise UserError(f"{name} is an encoder-decoder ({config.model_type}): {ADVICE}")
    if kind in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False):
        raise UserError(f"{name} is a masked language model ({config.model_type}): {ADVICE}")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"{name} is no language model ({config.model_type}): {ADVICE}")
    layers = getattr(config, "num_hidden_layers", 1)
    if type(layers) is not int or not 0 < layers <= MOST_LAYERS:
        raise UserError(f"{name} cannot have {layers!r:.20} layers: {ADVICE}")


def _check_memory(config: Any, dtype: torch.dtype, device: torch.device, name: str | Path) -> None:
    """Compares what the model takes with what is free, before anything of it is read."""
    try:
        with torch.device("meta"):  # shapes alone
            model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    except Exception as error:  # impossible sizes raise many kinds
        raise UserError(f"{name} has a config.json that describes no model ({reason(error)}): {ADVICE}") from error
    needed = SPARE * sum(weight.numel() * weight.element_size() for weight in {*model.parameters()})
    free = free_memory(device)
    if needed > free:
        sizes = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
        raise UserError(f"{name} needs about {sizes}: name a smaller model")


def free_memory(device: torch.device) -> float:
    """Bytes that can be had on a device; infinity if the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = [math.inf]
    try:
        there = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
        free += [int(there[1]) * 1024] if there else []
        group = Path("/sys/fs/cgroup")  # a container's own limit
        free.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # another system, or no limit
        pass
    return min(free)


def _tokenizer(place: Place, name: str | Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(place.name, **_how(place))
    except Exception as error:
        raise UserError(f"{name} has no tokenizer that can be read ({reason(error)}): save it beside it") from error


def _model(place: Place, name: str | Path, config: Any, dtype: torch.dtype) -> Any:
    how = _how(place) | {"config": config, "dtype": dtype, "use_safetensors": True}
    try:
        model, report = AutoModelForCausalLM.from_pretrained(place.name, output_loading_info=True, **how)
    except Exception as error:
        raise UserError(f"{name} cannot be read as a model ({reason(error)}): {ADVICE}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(f"{name} lacks weights of a language model, such as {missing[0]}: {ADVICE}")
    return model


def _tried(model: Any, tokenizer: Any, name: str) -> LanguageModel:
    """The model, once it has scored some English in both ways."""
    whole = LanguageModel(model, tokenizer, name, shares=False)
    scores = whole.log_probabilities(ENGLISH)
    unknown = tokenizer.unk_token_id
    strange = unknown is not None and any(unknown in whole.tokens(text) for text in ENGLISH)
    each, bound = (-sum(some) / sum(map(len, ENGLISH)) for some in (scores, map(by_frequency, ENGLISH)))
    if strange or each > bound:
        raise UserError(
            f"{name} does not know English: each letter of plain sentences costs it {each:.1f} nats, and a list of "
            f"words {bound:.1f}; name a model of English"
        )
    try:
        shared = LanguageModel(model, tokenizer, name).log_probabilities(ENGLISH)
    except (UserError, TypeError, ValueError):  # a model without such masks or positions
        return whole
    alike = all(math.isclose(one, other, rel_tol=ALIKE) for one, other in zip(scores, shared, strict=True))
    return LanguageModel(model, tokenizer, name) if alike else whole


def by_frequency(text: str) -> float:
    """The log-probability of a text whose words say nothing of each other."""
    return sum((zipf(word) - 9) * math.log(10) for word in text.split())


@contextmanager
def _quietly() -> Iterator[None]:
    """Without transformers' progress bars and advice."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):  # what reads GGUF has a bar of its own
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
