"""The corrector that comes with the package: in an installed one a folder of it, in a checkout one of ``models/``."""

from pathlib import Path

from fairseq_asr_correct.errors import UserError

NAME = "librispeech-minilm-int8"


def shipped_model() -> Path:
    """Its folder.

    Raises:
        UserError: it is not there.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "shipped", package.parent / "models" / NAME):
        if (folder / "config.json").is_file():
            return folder
    raise UserError("no model came with this installation: name one")
