"""A domain's folder: what makes a corrector for it of a base, and is a small part of its size.

    domain/
        domain.json             the format's version, and which base it is of
        difference.safetensors  what is changed; see :mod:`.difference`
        decision.json           which changes are taken; optional (keep.json of earlier versions)
        terms.txt, README.md    optional

``asr-correct export --to domain`` writes it. It may come from a stranger; nothing in it can run.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.domains.difference import changed, difference
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.finding import DOMAIN, EXPORTED, domain_files, is_exported
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.folders.rules import rule_of
from fairseq_asr_correct.runtime.building.arithmetic import SCALE
from fairseq_asr_correct.runtime.row_scales import in_int8
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

VERSION = 1
ADVICE = "write it again with asr-correct export --to domain"
ADVICE_BASE = "write it with asr-correct export"


@dataclass(frozen=True)
class Domain:
    """What a domain changes."""

    folder: Path
    base: str  #: the fingerprint of its base
    base_name: str  #: what its base was called
    stored: StoredTensors  #: the difference

    @classmethod
    def read(cls, folder: str | Path) -> "Domain":
        """The domain in a folder; the numbers in it are read when they are asked for.

        Raises:
            UserError: it is no domain, or is damaged.
        """
        folder = Path(folder)
        domain_files(folder)
        about = read_json(folder / DOMAIN[0], ADVICE)
        if about.get("version") != VERSION:
            raise UserError(
                f"{folder / DOMAIN[0]} has version {about.get('version')!r:.20}, but this fairseq_asr_correct reads "
                f"{VERSION}: install the version that wrote it"
            )
        base, name = about.get("base"), about.get("base_name")
        if not (isinstance(base, str) and isinstance(name, str)):
            raise UserError(f"{folder / DOMAIN[0]} does not say which base it is of: {ADVICE}")
        try:
            return cls(folder, base, name, StoredTensors(folder, DOMAIN[1:]))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / DOMAIN[1]} cannot be read ({reason(error)}): {ADVICE}") from error

    def check(self, base: Path) -> None:
        """Checks that it fits a base, as it does when it is loaded.

        Args:
            base: an exported folder.

        Raises:
            UserError: it does not, or the base is no exported folder.
        """
        rule_of(self.folder)
        for _ in self.changed(_open(base)[1]):
            pass

    def changed(self, base: StoredTensors) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The tensors of its base that it changes, in float32.

        Args:
            base: the tensors of a folder; those of other files than ``model.safetensors`` cannot be changed.

        Raises:
            UserError: they are not those of its base, or the difference is damaged.
        """
        if fingerprint(base) != self.base:
            raise UserError(
                f"{self.folder} is a domain of {self.base_name!r:.60}, and {base.folder} is another corrector or has "
                "other weights: name the base that it was made with"
            )
        try:
            yield from changed(base.of_file(EXPORTED[1]), self.stored)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{self.folder / DOMAIN[1]} cannot be used ({reason(error)}): {ADVICE}") from error

    def as_stored(self, base: StoredTensors) -> dict[str, NDArray]:
        """As :meth:`changed`, in the types of the base: matrices in int8 become int8 with scales again."""
        found: dict[str, NDArray] = {}
        for name, numbers in self.changed(base):
            if base[name].dtype == "int8":
                found[name], found[name + SCALE] = in_int8(numbers)
            else:
                found[name] = numbers
        return found


def fingerprint(tensors: StoredTensors) -> str:
    """What tells the weights of a folder from others.

    Scales of rows do not count: the same integers are written with scales that differ in their last bit when a folder
    is exported for ONNX Runtime.
    """
    digest = hashlib.sha256()
    for name, one in sorted(tensors.of_file(EXPORTED[1]).items()):
        if not name.endswith(SCALE):
            digest.update(f"{name}\n{one.dtype} {one.shape}\n".encode("utf-8", "surrogatepass"))
            digest.update(tensors.numbers(name).tobytes())
    return digest.hexdigest()


def make_domain(folder: Path, base: Path, adapted: Path, most_bytes: float) -> None:
    """Writes ``domain.json`` and ``difference.safetensors`` into an existing folder.

    Args:
        folder: the folder.
        base: an exported folder.
        adapted: an exported folder, of a model that was trained on from the base.
        most_bytes: about how many the difference may take.

    Raises:
        UserError: a folder is not exported or damaged, the models do not have the same shape and dictionary, or
            ``most_bytes`` is not enough.
    """
    from safetensors.numpy import save

    first, second = (_open(one) for one in (base, adapted))
    if first[0] != second[0]:
        raise UserError(f"{adapted} has another shape or dictionary than {base}: name the base that it was made of")
    try:
        tensors = difference(first[1], second[1], most_bytes)
    except UserError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{adapted} is no change of {base} ({reason(error)}): name the base that it was made of"
        ) from error
    about = {"version": VERSION, "base": fingerprint(first[1]), "base_name": base.resolve().name}
    (folder / DOMAIN[0]).write_text(json.dumps(about, indent=2) + "\n")
    (folder / DOMAIN[1]).write_bytes(save(tensors))


def _open(folder: Path) -> tuple[tuple[Any, ...], StoredTensors]:
    """What two models must have in common, and the tensors of one."""
    if not is_exported(folder):
        raise UserError(f"{folder} is not an exported folder: {ADVICE_BASE}")
    config: Mapping[str, Any] = read_json(folder / EXPORTED[0], ADVICE_BASE)
    try:
        tensors = StoredTensors(folder, EXPORTED[1:])
        version = tensors.numbers("dictionary_version").tobytes()
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder / EXPORTED[1]} cannot be read ({reason(error)}): {ADVICE_BASE}") from error
    return (config.get("architecture"), config.get("arguments"), version), tensors
