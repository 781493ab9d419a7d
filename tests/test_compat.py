"""What the plugin mends in its surroundings."""

import subprocess
import sys
import textwrap
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from fairseq.data import data_utils
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct import compat
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, read_lines


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
        from fairseq_asr_correct import compat
        compat.hide_broken_torchaudio()
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
    assert compat.evaluate_literal(text) == value


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
        compat.evaluate_literal(text)


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


def test_mending_twice_changes_nothing() -> None:
    mended = data_utils.batch_by_size
    compat.keep_last_batch()
    assert data_utils.batch_by_size is mended


def test_only_a_namespace_is_allowed(tmp_path: Path) -> None:
    torch.save(Namespace(lr=0.1), tmp_path / "fine.pt")
    assert torch.load(tmp_path / "fine.pt").lr == 0.1
    torch.save(Path("x"), tmp_path / "other.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        torch.load(tmp_path / "other.pt")


def test_bf16_means_bfloat16() -> None:
    args = Namespace(bf16=True, tpu=True)
    compat.bf16_without_a_tpu(args)
    assert args.tpu is False


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_lines_come_back(lines: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text")
        with atomic_write(path) as file:
            for line in lines:
                print(line, file=file)
        assert list(read_lines(path)) == lines


def test_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb\r\n\r\nc")
    assert list(read_lines(tmp_path / "text")) == ["a", "b", "", "c"]


def test_pipes_and_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with atomic_write(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"
    with atomic_write("/dev/null") as file:
        file.write("gone")
    assert Path("/dev/null").is_char_device()


def test_no_folder_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"), atomic_write(tmp_path / "none" / "text"):
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("old")
    with pytest.raises(UserError), atomic_write(tmp_path / "text") as file:
        print("new", file=file)
        raise UserError("stop")
    assert (tmp_path / "text").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_attention_is_fused_on_a_gpu_only() -> None:
    assert torch.backends.cuda.flash_sdp_enabled() == torch.cuda.is_available()
