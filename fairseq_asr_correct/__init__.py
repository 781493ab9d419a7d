"""fairseq-asr-correct: a fairseq plugin that corrects the output of speech recognizers.

``--user-dir fairseq_asr_correct`` registers:

========================  ==========================================================
``--arch``                ``bert_transformer``, ``bert_transformer_large``, ``bert_transformer_copy``
``--optimizer``           ``novograd``
``--scoring``             ``asr_wer``
``--bpe``                 ``wordpiece``
``--task``                ``asr_correction``
``--criterion``           ``chunked_label_smoothed_cross_entropy``
========================  ==========================================================

``--user-dir`` takes the folder that ``asr-correct user-dir`` prints. A Python program that uses fairseq itself
registers the same names by ``import fairseq_asr_correct.plugin``. To correct text, use :class:`Corrector`. This package
loads neither fairseq nor torch until a name that needs them is used.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from fairseq_asr_correct.version import __version__

if TYPE_CHECKING:
    from fairseq_asr_correct.corrector.corrections import Correction, Edit
    from fairseq_asr_correct.corrector.corrector import Corrector
    from fairseq_asr_correct.errors import UserError
    from fairseq_asr_correct.terms.spellings import Spellings
    from fairseq_asr_correct.terms.term import Term
    from fairseq_asr_correct.terms.term_list import TermList

__all__ = ["Correction", "Corrector", "Edit", "Spellings", "Term", "TermList", "UserError", "__version__"]

_PUBLIC = {
    "Correction": "corrector.corrections",
    "Corrector": "corrector.corrector",
    "Edit": "corrector.corrections",
    "Spellings": "terms.spellings",
    "Term": "terms.term",
    "TermList": "terms.term_list",
    "UserError": "errors",
}

if "fairseq" in sys.modules:  # fairseq imports this package for --user-dir
    from fairseq_asr_correct import plugin  # noqa: F401


if not TYPE_CHECKING:  # or type checkers would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """The public names, loaded when they are first used."""
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
