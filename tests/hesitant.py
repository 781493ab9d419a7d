"""A corrector by rules with few changes, of which it is little sure."""

from pathlib import Path

import pytest
import torch
from rules import Rules

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.corrector.fairseq_model import FairseqModel
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task, read_dictionary

GAIN = 1.0  # in log-probability, of each change


@pytest.fixture(scope="session")
def hesitant(bert_init: Path) -> Corrector:
    """It copies all words but "sat", which is sooner "mat" by GAIN, and "dog", which is sooner "cat" by as much.

    "is" is sooner "red" by GAIN, and "fast" by half of it.
    """
    dictionary = read_dictionary(bert_init / "dict.txt")
    size, end = len(dictionary), dictionary.eos()
    rules = Rules(dictionary, 16 * torch.eye(size), torch.zeros(size, size))
    for before, after in (("sat", "mat"), ("dog", "cat")):
        rules.sure[dictionary.index(before), dictionary.index(after)] = 16 + GAIN
    is_, red, fast = map(dictionary.index, ("is", "red", "fast"))
    rules.sure[is_, red], rules.sure[is_, fast] = 16 + GAIN, 16 + GAIN / 2
    rules.sure[end, end] = 16
    return Corrector(FairseqModel(Pretrained(rules.model(), make_task(dictionary))))
