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
