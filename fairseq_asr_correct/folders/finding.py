"""Finds a corrector: an exported folder, a checkpoint, or the folder that a training left.

run/
    checkpoints/
        checkpoint_best.pt      preferred to checkpoint_last.pt
        dict.txt, decision.json here,
    dict.txt, decision.json     or here; without a dict.txt, the training's data folder has the dictionary

Beside decision.json may be terms.txt, a list of terms for all texts.
"""

import shutil
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import RULES

CHECKPOINTS = ("checkpoint_best.pt", "checkpoint_last.pt")  # the better first
EXPORTED = ("config.json", "model.safetensors")
CTRANSLATE2 = "model.bin"  # in a folder of asr-correct export --to ctranslate2, beside config.json
GRAPHS = ("encoder.onnx", "decoder.onnx", "output.onnx")  # in one of asr-correct export --to onnx
DOMAIN = ("domain.json", "difference.safetensors")  # of asr-correct export --to domain
OTHERS = (CTRANSLATE2, *GRAPHS, "spelling.safetensors")
# What an exported folder of any kind may have: by some of it, a reader tells the kind.
TERMS = "terms.txt"
EVERY = (*EXPORTED, *OTHERS, "shared_vocabulary.json", "corrector.json", "dict.txt", *RULES, TERMS, *DOMAIN)


def is_onnx(path: str | Path) -> bool:
    """Whether a path is a folder for ONNX Runtime."""
    return any((Path(path) / name).exists() for name in GRAPHS)


def is_exported(path: str | Path) -> bool:
    """Whether a path is a folder of ``asr-correct export`` without ``--to``, or has all that one has."""
    return all((Path(path) / name).exists() for name in EXPORTED)


def is_ctranslate2(path: str | Path) -> bool:
    """Whether a path is a folder for CTranslate2."""
    return (Path(path) / CTRANSLATE2).exists()


def is_domain(path: str | Path) -> bool:
    """Whether a path is a folder with what a domain changes in a corrector."""
    return (Path(path) / DOMAIN[0]).exists()


def find_model(path: str | Path) -> Path:
    """The checkpoint, or the file in an exported folder, that a path stands for.

    Raises:
        UserError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(
            f"{path} is not there: name an exported folder, the folder that a training left, or a checkpoint"
        )
    if is_domain(path):
        raise UserError(f"{path} is a domain, which is no corrector by itself: name its base, and it with --domain")
    exported = [path / name for name in EXPORTED]
    trained = [folder / name for folder in (path, path / "checkpoints") for name in CHECKPOINTS]
    found = next((file for file in [*exported, *trained] if file.is_file()), None)
    if found is None:
        names = f"{EXPORTED[0]} of asr-correct export nor {' or '.join(CHECKPOINTS)} of a training"
        raise UserError(f"{path} has neither {names}, nor has its folder checkpoints: name a folder with one of them")
    return found


def model_files(path: str | Path) -> list[Path]:
    """The files on which a ``Corrector`` of a path depends, apart from a data folder's dictionary.

    Raises:
        UserError: there is no model.
    """
    model = find_model(path)
    places = [model.parent] if model.name in EXPORTED else [model.parent, model.absolute().parent.parent]
    others = [place / name for place in places for name in EVERY]
    return [model, *(file for file in others if file.is_file() and file != model)]


def domain_files(path: str | Path) -> list[Path]:
    """The files on which a domain depends, besides its base.

    Raises:
        UserError: there is no domain.
    """
    if not is_domain(path):
        raise UserError(f"{path} is no domain: name a folder of asr-correct export --to domain")
    return [file for name in (*DOMAIN, *RULES, TERMS) if (file := Path(path) / name).is_file()]


def rule_with(path: str | Path) -> Path | None:
    """The file with the rule that a ``Corrector`` reads with a model, if there is one.

    Raises:
        UserError: there is no model.
    """
    return next((file for file in model_files(path) if file.name in RULES), None)


def terms_with(path: str | Path) -> Path | None:
    """The list of terms that a ``Corrector`` reads with a model, if there is one.

    Raises:
        UserError: there is no model.
    """
    return next((file for file in model_files(path) if file.name == TERMS), None)


def terms_of_domain(path: str | Path) -> Path | None:
    """The list of terms that a ``Corrector`` reads with a domain, if there is one.

    Raises:
        UserError: there is no domain.
    """
    domain_files(path)
    return file if (file := Path(path) / TERMS).exists() else None


def copy_terms(path: str | Path, folder: Path) -> None:
    """Copies the list of terms of a model, if there is one, into a folder that it is exported to.

    Raises:
        UserError: there is no model.
    """
    if terms := terms_with(path):
        shutil.copyfile(terms, folder / TERMS)
