"""The corrector that comes with the package: a folder in an installed package, or in ``models/`` of a checkout."""

from pathlib import Path

from fairseq_asr_correct.errors import UserError

NAME = "general-minilm-int8"


def shipped_model() -> Path:
    """Its folder.

    Raises:
        UserError: it is not there.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "shipped", package.parent / "models" / NAME):
        if (folder / "config.json").is_file():
            return folder
    raise UserError("this installation has no model of its own: name one")
