"""What the plugin mends in its surroundings."""

import ast
import functools
import importlib.util
import inspect
import logging
import os
import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import fairseq
import numpy as np
import pytest
import torch
from conftest import ROOT
from fairseq import checkpoint_utils
from fairseq.data import data_utils
from fairseq.data.iterators import EpochBatchIterator
from fairseq.distributed import utils as distributed_utils
from fairseq.file_io import PathManager
from fairseq.tasks import FairseqTask
from fairseq.trainer import Trainer
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.mends import batches, faults, literals, precision, saving, shapes, workers
from fairseq_asr_correct.mends.logs import root_logger_as_it_was
from fairseq_asr_correct.mends.mending import mend


@pytest.mark.parametrize(
    "content",
    [
        "raise OSError('undefined symbol')",
        *(
            pytest.param(content, marks=pytest.mark.slow)
            for content in ("import torchaudio.inner", "raise RuntimeError('no')", "works = True")
        ),
    ],
)
def test_a_broken_torchaudio_is_hidden_and_a_working_one_kept(content: str, tmp_path: Path) -> None:
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text(content)
    (tmp_path / "torchaudio" / "inner.py").write_text("raise OSError('library')")
    script = """
        import importlib.util, sys
        from fairseq_asr_correct.mends.loading import hide_broken_torchaudio
        hide_broken_torchaudio()
        print(importlib.util.find_spec("torchaudio") is not None, "torchaudio.inner" in sys.modules)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.split() == [str("works" in content), "False"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(0.9, 0.98)", (0.9, 0.98)),
        ("[(512, 3)] * 2 + [(1, -1)]", [(512, 3), (512, 3), (1, -1)]),
        (" {'a': None, 'b': True}", {"a": None, "b": True}),
    ],
)
def test_literals_are_read(text: str, value: object) -> None:
    assert literals.evaluate_literal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "open",
        "[x for x in (1,)]",
        "(1).real",
        "lambda: 1",
        "f'{1}'",
        "9**9",
        "1; 2",
        "(" * 500,
    ],
)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(UserError, match="an argument"):
        literals.evaluate_literal(text)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=60).map(sorted),
    st.one_of(st.none(), st.integers(1, 20)),
    st.one_of(st.none(), st.integers(30, 200)),
    st.sampled_from([1, 2, 8]),
)
def test_no_sentence_is_dropped(
    sizes: list[int], max_sentences: int | None, max_tokens: int | None, multiple: int
) -> None:
    batches = data_utils.batch_by_size(
        np.arange(len(sizes)),
        num_tokens_fn=lambda i: sizes[i],
        num_tokens_vec=np.array(sizes),
        max_sentences=max_sentences,
        max_tokens=max_tokens,
        required_batch_size_multiple=multiple,
    )
    assert [i for batch in batches for i in batch] == list(range(len(sizes)))


def plain_batches(indices: np.ndarray, **kwargs: object) -> list[np.ndarray]:
    """fairseq's own function, which drops sentences."""
    return inspect.unwrap(data_utils.batch_by_size)(indices, **kwargs)


def test_a_function_that_another_plugin_has_wrapped_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = np.ones(9, dtype=np.int64)
    arguments = dict(num_tokens_fn=sizes.__getitem__, num_tokens_vec=sizes, required_batch_size_multiple=8)
    assert sum(map(len, plain_batches(np.arange(9), max_tokens=8, **arguments))) == 8, "what is mended"

    @functools.wraps(inspect.unwrap(data_utils.batch_by_size))
    def theirs(*args: object, **kwargs: object) -> list[np.ndarray]:
        return plain_batches(*args, **kwargs)

    monkeypatch.setattr(data_utils, "batch_by_size", theirs)
    batches.keep_last_batch()
    assert sum(map(len, data_utils.batch_by_size(np.arange(9), max_tokens=8, **arguments))) == 9


class Plugged:
    """Something to mend, a method and a static one."""

    def double(self, number: int) -> int:
        return 2 * number

    @staticmethod
    def triple(number: int) -> int:
        return 3 * number


def test_mending_once_and_around_what_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more(original: Callable, *args: object) -> int:
        return original(*args) + 1

    def ten_more(original: Callable, *args: object) -> int:
        return original(*args) + 10

    for name in ("double", "triple"):
        monkeypatch.setattr(Plugged, name, inspect.getattr_static(Plugged, name))  # to be as before afterwards
    for _ in range(2):
        mend(Plugged, "double", one_more)
        mend(Plugged, "triple", one_more)
    assert Plugged().double(2) == 5 and Plugged().triple(2) == Plugged.triple(2) == 7
    mend(Plugged, "double", ten_more)
    ours = Plugged.double

    @functools.wraps(ours)
    def theirs(self: Plugged, number: int) -> int:
        return 100 * ours(self, number)

    Plugged.double = theirs
    mend(Plugged, "double", one_more)
    assert Plugged.double is theirs and Plugged().double(2) == 1500


def test_what_is_mended_is_not_mended_again() -> None:
    """By another copy of the modules, as a reload of them makes it."""
    places = [
        (data_utils, "batch_by_size"), (FairseqTask, "get_batch_iterator"), (EpochBatchIterator, "state_dict"),
        (EpochBatchIterator, "load_state_dict"), (distributed_utils, "_broadcast_object_slow"),
        (checkpoint_utils, "torch_persistent_save"), (checkpoint_utils, "verify_checkpoint_directory"),
        (PathManager, "copy"), (Trainer, "train_step"), (Trainer, "valid_step"), (Trainer, "load_checkpoint"),
        (Trainer, "_log_oom"),
    ]  # fmt: skip
    before = [getattr(*place) for place in places]
    for module, names in (
        (batches, "keep_last_batch same_batches_when_resumed"),
        (workers, "keep_place_among_workers send_objects_between_workers"),
        (saving, "write_checkpoints_whole check_folder_of_checkpoints"),
        (faults, "save_batch_of_nan say_what_memory_allows"),
        (shapes, "say_what_a_checkpoint_lacks"),
    ):  # fmt: skip
        spec = importlib.util.spec_from_file_location(module.__name__, module.__file__)
        copy = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copy)
        for name in names.split():
            getattr(copy, name)()
    assert [getattr(*place) for place in places] == before


def test_importing_changes_nothing_it_need_not() -> None:
    """The root logger, how torch attends, whether a fork can use CUDA, and fairseq's commands can still log."""
    script = """
        import logging, sys, torch
        asked = []
        for owner, name in ((torch.cuda, "is_available"), (torch.cuda, "init"), (torch._C, "_cuda_getDeviceCount")):
            if hasattr(owner, name):
                setattr(owner, name, lambda *args, name=name: asked.append(name) or 0)
        def state():
            root, kernels = logging.getLogger(), torch.backends.cuda
            return (root.level, list(root.handlers), kernels.flash_sdp_enabled(), kernels.math_sdp_enabled(),
                    kernels.mem_efficient_sdp_enabled())
        before = state()
        import fairseq_asr_correct.plugin
        print(state() == before, asked)
        from fairseq_cli import train
        print([logging.getLevelName(logging.root.level), *(type(h).__name__ for h in logging.root.handlers)])
        train.logger.info("this is said")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[:2] == ["True []", "['INFO', 'StreamHandler']"]
    assert "| INFO | fairseq_cli.train | this is said" in run.stdout


def test_the_root_logger_gets_back_what_it_had() -> None:
    root, mine, theirs = logging.getLogger(), logging.NullHandler(), logging.NullHandler()
    level = root.level
    root.addHandler(mine)
    try:
        before = list(root.handlers)
        with pytest.raises(ZeroDivisionError), root_logger_as_it_was():
            root.setLevel(logging.DEBUG)
            root.addHandler(theirs)
            raise ZeroDivisionError
        assert root.level == level and root.handlers == before
    finally:
        root.removeHandler(mine)


def test_fairseq_evaluates_arguments_with_ours_and_no_other_module_is_changed() -> None:
    package = Path(fairseq.__file__).parent
    evaluating = set()
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        if name.startswith("examples.") or "eval" not in (text := path.read_text(encoding="utf-8")):
            continue  # the examples are no part of fairseq, and other projects
        if any(isinstance(node, ast.Name) and node.id in ("eval", "exec") for node in ast.walk(ast.parse(text))):
            evaluating.add(name)
    assert evaluating == set(literals.EVALUATING)
    changed = {
        name for name, module in sys.modules.items() if getattr(module, "eval", None) is literals.evaluate_literal
    }
    assert changed == {f"fairseq.{name}" for name in evaluating}


def test_only_a_namespace_is_allowed(tmp_path: Path) -> None:
    torch.save(Namespace(lr=0.1), tmp_path / "fine.pt")
    assert torch.load(tmp_path / "fine.pt").lr == 0.1
    torch.save(Path("x"), tmp_path / "other.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        torch.load(tmp_path / "other.pt")


def test_bf16_means_bfloat16() -> None:
    args = Namespace(bf16=True, tpu=True)
    precision.bf16_without_a_tpu(args)
    assert args.tpu is False
