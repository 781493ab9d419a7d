"""What a corrector is adapted to, as a user asks for it."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.recipes.start import is_corrector
from fairseq_asr_correct.simulation.known_errors import KINDS

AUTO = "auto"
LEAST_MINUTES = 1.0


@dataclass(frozen=True)
class Request:
    """What there is, and how much may be done with it."""

    texts: tuple[str, ...] = ()  #: documents, ``[FORMAT:]PATH``, or folders of them
    terms: Path | None = None  #: a list of terms
    pairs: tuple[str, ...] = ()  #: sources of what was recognized and what was said
    valid: tuple[str, ...] = ()  #: the same, or text, to watch the training by and to report on
    base: Path | None = None  #: the corrector to start from (default: the package's)
    recognizer: str = AUTO  #: the kind of recognizer, ``auto`` or one whose error model comes along
    minutes: float = 10.0  #: for all of it
    seed: int = 1
    max_false_correction: float | None = None  #: as for ``asr-correct tune``
    max_clean_changes: float | None = None  #: as for ``asr-correct tune``

    @property
    def start(self) -> Path:
        """The corrector to start from."""
        return self.base or shipped_model()


def check(request: Request) -> None:
    """Checks what can be checked before anything is read.

    Raises:
        UserError: there is nothing to adapt to, a setting cannot be, or what draws the report is not installed.
    """
    if not (request.texts or request.pairs or request.terms):
        raise UserError("there is nothing to adapt to: give --text, --pairs or --terms")
    if not LEAST_MINUTES <= request.minutes < math.inf:
        raise UserError(
            f"--minutes {request.minutes:g}: a training needs at least {LEAST_MINUTES:g}; without one, "
            "asr-correct correct --terms writes the words of a list"
        )
    for name in ("max_false_correction", "max_clean_changes"):
        if (promised := getattr(request, name)) is not None and not 0 <= promised <= 100:
            raise UserError(f"--{name.replace('_', '-')} {promised:g}: name a percentage from 0 to 100")
    if missing := [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]:
        raise UserError(f"the report needs {' and '.join(missing)}: pip install 'fairseq-asr-correct[report]'")
    if request.recognizer not in (AUTO, *KINDS):
        raise UserError(f"--recognizer {request.recognizer}: name one of {', '.join((AUTO, *KINDS))}")
    if not is_corrector(str(request.start)):
        raise UserError(
            f"--base {request.start} is no corrector: name an exported folder, the folder that a training left, or a "
            "checkpoint"
        )
