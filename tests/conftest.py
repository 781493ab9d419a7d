"""Shared by all tests: a tiny BERT, a tiny corpus, and fairseq's commands in this process."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny matrices lose by threads
os.environ["HF_HUB_OFFLINE"] = "1"  # tests need no network

import functools
import gc
import io
import random
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import pytest
import torch
import transformers
from fairseq import checkpoint_utils, options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer
from fairseq_cli import generate, interactive, preprocess, train
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import settings

torch.set_num_threads(1)
# The same examples at every run, and new ones where somebody looks for them: make fuzz.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("fuzz", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("fixed")
pytest_plugins = ("correctors", "hesitant", "service")
ROOT = Path(__file__).parents[1]
PATHS = os.pathsep.join(map(str, [ROOT, ROOT / "tests", *sorted((ROOT / "tests").glob("*/"))]))  # for other processes
USER_DIR = str(ROOT / "fairseq_asr_correct")
LIBRISPEECH = ROOT.parent / "shared" / "data" / "librispeech"
COMMANDS = {module.__name__.split(".")[1]: module.cli_main for module in (train, generate, interactive, preprocess)}

needs_librispeech = pytest.mark.skipif(not LIBRISPEECH.is_dir(), reason="no recognizer output beside the repository")

# By how much float32 may be off where a few layers add up the same numbers in another order, for the largest number
# that comes out. Processors differ by up to 25 epsilons here, and the faults looked for by more than 700.
ROUNDING = 100 * torch.finfo(torch.float32).eps

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = "the boy boys house is red read cat sat on mat dog runs fast tom's can't".split()  # noqa: SIM905
TINY_VOCAB = [
    *["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "'", "##'", "#", "###"],
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *(word for word in WORDS if "'" not in word),
]


# fairseq parses each of some 260 settings by a grammar at every run, and nearly all are those of the run before.
OverridesParser.create = functools.cache(OverridesParser.create)
OverridesParser.parse_rule = functools.cache(OverridesParser.parse_rule)


def pytest_collection_finish() -> None:
    """The garbage collector need not look through half a million objects of modules and tests, again and again."""
    gc.collect()
    gc.freeze()


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Off by rounding at most."""
    bound = ROUNDING * float(expected.abs().max())
    torch.testing.assert_close(found, expected, atol=bound, rtol=0, check_dtype=False)


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file can grow beyond ``size`` bytes, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def make_tiny_bert(folder: Path, vocab: list[str] | None = None, **config: object) -> transformers.BertModel:
    """A random BERT with odd sizes and large weights: small ones cannot tell one GELU from another."""
    vocab = TINY_VOCAB if vocab is None else vocab
    shape = dict(
        vocab_size=len(vocab), hidden_size=12, num_hidden_layers=3, num_attention_heads=2, intermediate_size=14,
        max_position_embeddings=40, initializer_range=0.5, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(1)
    bert = transformers.BertModel(transformers.BertConfig(**(shape | config))).eval()
    with torch.no_grad():
        # A trained [PAD] is not zero; a zero row has LayerNorm statistics that float16 on a CPU cannot hold.
        bert.embeddings.word_embeddings.weight[0].normal_()
        for name, parameter in bert.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    bert.save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocab))
    return bert


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny Hugging Face BERT."""
    folder = tmp_path_factory.mktemp("tiny_bert")
    make_tiny_bert(folder)
    return folder


@pytest.fixture(scope="session")
def bert_init(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a --bert-init folder."""
    from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert

    folder = tmp_path_factory.mktemp("converted") / "bert_init"
    get_decoder_params_from_bert.main(["--model_name", str(tiny_bert), "--save_to", str(folder)])
    return folder


def make_corpus(folder: Path, sentences: int = 60, seed: int = 0) -> None:
    """Pairs whose bad side misses a letter here and there: train, valid and a set called dev-clean."""
    draw = random.Random(seed)
    for name, count in (("train", sentences), ("valid", 12), ("dev-clean", 15)):
        good = [" ".join(draw.choices(WORDS, k=draw.randint(2, 7))) for _ in range(count)]
        bad = [line.replace("red", "read").replace("house", "hous").replace("boys", "boy s") for line in good]
        (folder / f"{name}.good").write_text("\n".join(good) + "\n")
        (folder / f"{name}.bad").write_text("\n".join(bad) + "\n")


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of tiny bad/good pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    make_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def data_bin(bert_init: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny pairs, binarized."""
    from fairseq_asr_correct.commands import binarize

    folder = tmp_path_factory.mktemp("data") / "data-bin"
    binarize.main(["--pairs", str(pairs), "--bert-init", str(bert_init), "--save-to", str(folder), "--workers", "1"])
    return folder


def run_command(command: str, *argv: object) -> None:
    """One of fairseq's commands (train, generate, interactive, preprocess) in this process."""
    old_argv, sys.argv = sys.argv, [f"fairseq-{command}", *map(str, argv)]
    checkpoint_utils.save_checkpoint.__dict__.pop("best", None)  # fairseq keeps it between runs
    try:
        COMMANDS[command]()
    finally:
        sys.argv = old_argv


def train_argv(data_bin: Path, save_dir: Path, *extra: object) -> list[object]:
    """A tiny training's arguments; later flags win."""
    return [
        data_bin, "--user-dir", USER_DIR, "--arch", "bert_transformer", "--optimizer", "novograd", "--lr", "0.01",
        "--lr-scheduler", "polynomial_decay", "--power", "2", "--warmup-updates", "2", "--total-num-update", "100",
        "--criterion", "label_smoothed_cross_entropy", "--label-smoothing", "0.1", "--max-tokens", "300", "--cpu",
        "--max-update", "4", "--save-dir", save_dir, "--num-workers", "0", "--log-format", "simple",
        "--no-progress-bar", "--no-epoch-checkpoints", *extra,
    ]  # fmt: skip


def copy_argv(data_bin: Path, save_dir: Path, *extra: object) -> list[object]:
    """The same as :func:`train_argv` for the copying architecture."""
    argv = train_argv(data_bin, save_dir, *extra)
    return ["bert_transformer_copy" if word == "bert_transformer" else word for word in argv]


def generate_argv(data_bin: Path, checkpoint: Path, results: Path) -> list[object]:
    return [
        data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--gen-subset", "dev-clean", "--results-path", results,
        "--bpe", "wordpiece", "--scoring", "asr_wer", "--beam", "4", "--max-len-a", "1", "--max-len-b", "10",
        "--min-len", "0", "--batch-size", "8", "--num-workers", 0, "--cpu",
    ]  # fmt: skip


def interactive_lines(
    data_bin: Path, checkpoint: Path, text: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    capsys.readouterr()
    run_command(
        "interactive", data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--bpe", "wordpiece", "--cpu",
        "--min-len", "0", "--beam", "2",
    )  # fmt: skip
    return capsys.readouterr().out.splitlines()


@pytest.fixture(scope="session")
def checkpoint(bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny corrector that has something to say: noise, which is the same on every machine."""
    folder = tmp_path_factory.mktemp("checkpoints")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1, "--lr", 0)
    run_command("train", *train_argv(data_bin, folder, *flags))
    return with_noise(folder / "checkpoint_best.pt", "decoder.layers.", 2, folder / "checkpoint_best.pt")


def with_noise(checkpoint: Path, part: str, seed: int, path: Path) -> Path:
    """Adds to the weights whose names begin so."""
    state = torch.load(checkpoint)
    torch.manual_seed(seed)
    for name, tensor in state["model"].items():
        if name.startswith(part):
            tensor.add_(torch.randn_like(tensor) / 2)
            tensor.fill_(1) if name.endswith("gate.bias") else None
    with open(path, "wb") as file:  # named so, the archive in it would be called after the file
        torch.save(state, file)
    return path


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[str]:
    """The address of a local Ray cluster with two CPUs."""
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": PATHS, "HF_HUB_OFFLINE": "1"}},
    )  # fmt: skip
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def kill_a_ray_worker() -> int:
    """kill -9 for one of the processes in which Ray runs our workers; its process id."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        if command.read_bytes().startswith(b"ray::_RayWorker"):
            os.kill(int(command.parent.name), signal.SIGKILL)
            return int(command.parent.name)
    raise LookupError("Ray runs no worker of ours")


def parse_training(command: list[str]) -> object:
    """A command line as fairseq-train itself reads it."""
    args = options.parse_args_and_arch(options.get_training_parser(), command[1:])
    return convert_namespace_to_omegaconf(args)


Argv = Callable[..., list[object]]
SMALL_BATCHES = ("--max-tokens", 60, "--required-batch-size-multiple", 1)


@pytest.fixture
def argv(bert_init: Path, data_bin: Path, tmp_path: Path) -> Argv:
    """A tiny training in ``tmp_path / "out"``, unless flags say otherwise."""
    return lambda *flags: train_argv(data_bin, tmp_path / "out", "--bert-init", bert_init, *flags)


def updates_of(checkpoint: Path) -> int:
    """Which update a checkpoint is from; it must load as fairseq loads it."""
    return checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))["optimizer_history"][-1]["num_updates"]


def assert_equal_parameters(one: Path, other: Path) -> None:
    first, second = (torch.load(path) for path in (one, other))
    assert first["model"].keys() == second["model"].keys()
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][name]), name


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The sentences of each update, as they come."""
    seen: list[list[int]] = []
    original = Trainer.train_step

    def train_step(self: Trainer, samples: list[dict]) -> object:
        seen.append([i for sample in samples for i in sample["id"].tolist()])
        return original(self, samples)

    monkeypatch.setattr(Trainer, "train_step", train_step)
    return seen
