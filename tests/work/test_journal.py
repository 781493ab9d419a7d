"""A journal gives back what it was given, from the disk, however it was stopped."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.work.journal import Journal

RUN = {"model": [1], "input": "\u00fc"}


@given(
    batches=st.dictionaries(st.integers(0, 99), st.lists(st.dictionaries(st.text(), st.text()), max_size=3)),
    stops=st.integers(1, 4),
)
def test_what_is_kept_comes_back(
    batches: dict[int, list], stops: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    for number, (batch, results) in enumerate(batches.items()):
        if number % stops == 0:
            journal = Journal(path, RUN)
        journal.add(batch, results)
        assert journal.finished[batch] == results
        if number % stops == stops - 1:
            journal.close()
            with open(path, "ab") as file:
                file.write(b'{"batch": 7, "resu')  # killed while it wrote
    again = Journal(path, RUN)
    assert dict(again.finished) == batches and len(again.finished) == len(batches)
    with pytest.raises(KeyError):
        again.finished[100]


def test_another_run(tmp_path: Path) -> None:
    Journal(tmp_path / "journal", RUN).close()
    with pytest.raises(UserError, match="was begun with another manifest or other options"):
        Journal(tmp_path / "journal", RUN | {"model": [2]})


def test_another_run_is_left_as_it_is(tmp_path: Path) -> None:
    """Also where its lines are of another kind, or damaged."""
    path = tmp_path / "journal"
    path.write_bytes(content := b'{"run": {"kind": "another"}}\n{"part": 1, "texts": []}\n{"par')
    for _ in range(2):  # its lock is released
        with pytest.raises(UserError, match="was begun with another manifest"):
            Journal(path, RUN)
    assert path.read_bytes() == content


@pytest.mark.parametrize("line", ['{"results": []}', '{"batch": "1", "results": []}', '{"batch": 2}', "[1]"])
def test_what_follows_a_damaged_line_is_done_again(line: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", RUN)
    journal.add(0, [{"text": "a"}])
    journal.close()
    content = journal.path.read_bytes()
    journal.path.write_bytes(content + line.encode() + b'\n{"batch": 3, "results": []}\n')
    again = Journal(tmp_path / "journal", RUN)
    assert dict(again.finished) == {0: [{"text": "a"}]} and 3 not in again.finished
    assert journal.path.read_bytes() == content
