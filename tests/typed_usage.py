"""A program of a user, as type checkers see it: tests/test_types.py has mypy read it, and nothing runs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import fairseq_asr_correct
from fairseq_asr_correct import Correction, Corrector, Edit, Spellings, UserError

corrector = Corrector.from_pretrained()
assert_type(corrector, Corrector)
assert_type(Corrector.from_pretrained(Path("corrector"), device="cuda", keep_threshold=1.5), Corrector)
assert_type(corrector.correct("he wated"), str)
assert_type(corrector.correct(["he wated"], batch_size=8, decoding="input-guided"), list[str])
assert_type(corrector.correct(word for word in {"he", "wated"}), list[str])
assert_type(corrector.correct("cap x", spellings={"CAPEX": ["cap x", "copics"]}), str)
assert_type(corrector.correct(["cap x"], spellings=Spellings.read("spellings.yaml")), list[str])
assert_type(corrector.explain("cap x", spellings=Spellings([("CAPEX", ("cap x",))])), Correction)
assert_type(Spellings({"CAPEX": ["cap x"]}).apply("cap x"), str)
assert_type(corrector.stream(iter(["he wated"])), Iterator[str])
assert_type(corrector.explain("he wated"), Correction)
assert_type(corrector.explain(["he wated"], nbest=2), list[Correction])
correction = corrector.explain("he wated")
assert_type(correction.edits, tuple[Edit, ...])
assert_type(correction.edits[0].confidence, float)
assert_type(correction.at(0.9), str)
assert_type(correction.alternatives, tuple[tuple[str, float], ...])
assert_type(fairseq_asr_correct.__version__, str)
try:
    corrector.correct("he wated", beam=0)
except UserError as error:
    assert_type(error, UserError)
