"""--threads and workers limit the threads of a language model, whatever the corrector runs on."""

from types import SimpleNamespace

import pytest
import torch

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
from fairseq_asr_correct.commands import correct, line_worker, serve
from fairseq_asr_correct.corrector.finish import Finish


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What torch is told, with stand-ins for both models."""
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    monkeypatch.setattr(SecondOpinion, "of", lambda *args: None)
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **how: SimpleNamespace(finish=Finish(), terms=None))
    return told


@pytest.mark.parametrize(("workers", "expected"), [("1", []), ("2", [1])])
def test_workers(workers: str, expected: list[int], limits: list[int]) -> None:
    args = correct.make_parser().parse_args(["corrector", "--language-model", "gpt", "--workers", workers])
    line_worker.make_worker(args)
    assert limits == expected


@pytest.mark.parametrize(("flags", "expected"), [([], []), (["--threads", "3"], [3])])
def test_the_service(flags: list[str], expected: list[int], limits: list[int]) -> None:
    args = serve.make_parser().parse_args(["corrector", "--language-model", "gpt", *flags])
    corrector, _ = serve.load(args)
    serve.second_opinion(args, corrector)
    assert limits == expected
