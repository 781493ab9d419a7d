"""What the models of the tests write is known beforehand, and does not hang on how a processor rounds."""

from pathlib import Path

import pytest
import torch
from conftest import assert_close
from rules import MARGIN, Rules, drawn, unsure

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.formats.pretrained import read_dictionary

pytestmark = pytest.mark.numerical

CLS, PAD, EOS, UNK = range(4)


@pytest.mark.parametrize("made", [drawn, unsure])
def test_a_model_follows_its_rules(made: type[Rules], bert_init: Path) -> None:
    """At every place of a source and behind it, alone and beside a longer one."""
    rules = made(read_dictionary(bert_init / "dict.txt"))
    model, draw = rules.model(), torch.Generator().manual_seed(1)
    source, written = (torch.randint(4, len(rules.dictionary), (20,), generator=draw).tolist() for _ in range(2))
    expected = rules.logits[[*source, EOS, EOS], [CLS, *written, 7]]
    outputs = [EOS, *range(4, len(rules.dictionary))]
    beside = torch.tensor([[PAD] * 9 + [*source, EOS], [*source[9:], *source, EOS][:30]])
    for sources in (torch.tensor([[*source, EOS]]), beside):
        previous = torch.tensor([[EOS, *written, 7]]).expand(len(sources), -1)
        with torch.no_grad():
            found = model(sources, None, previous)[0][0]
        assert_close(found[:, outputs], expected[:, outputs])
        assert (found[:, [CLS, PAD, UNK]] < -900).all()


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize(
    ("name", "margin"), [("noise", None), ("plain", None), ("copying", None), ("learned", None), ("learned", MARGIN)]
)
def test_no_last_bit_decides(
    name: str, margin: float | None, beam: int, checkpoints: dict[str, Path], checkpoint: Path, bad: list[str]
) -> None:
    """Weights that are off by a hundred times what rounding does say the same."""
    path = (checkpoints | {"noise": checkpoint})[name]
    expected = Corrector.from_pretrained(path, keep_threshold=margin).correct(bad, beam=beam)
    torch.manual_seed(1)
    for _ in range(3):
        corrector = Corrector.from_pretrained(path, keep_threshold=margin)
        with torch.no_grad():
            for parameter in corrector.engine.model.network.parameters():
                parameter.mul_(1 + torch.randn_like(parameter) * 1e-5)
        assert corrector.correct(bad, beam=beam) == expected
