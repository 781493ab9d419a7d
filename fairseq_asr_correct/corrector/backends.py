"""Loads what a corrector is made of, as the arguments of ``Corrector.from_pretrained`` say."""

import math
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fairseq_asr_correct.choice.rule import Rule, check_confidence
from fairseq_asr_correct.corrector.seq2seq import Seq2Seq
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders import strangers
from fairseq_asr_correct.folders.finding import is_ctranslate2, is_exported, is_onnx, terms_of_domain, terms_with
from fairseq_asr_correct.folders.rules import read_rule
from fairseq_asr_correct.runtime.computable import is_computable
from fairseq_asr_correct.terms.term_list import TermList

if TYPE_CHECKING:
    import torch

    from fairseq_asr_correct.domains.domain_folder import Domain

DTYPES = ("float32", "float16", "bfloat16")
MOST_TERMS = 64 << 20  # bytes of a folder's own terms
FULL = {"torch", "fairseq", "transformers", "omegaconf"}  # what an installation of the runtime alone lacks


def asked_rule(
    keep_threshold: float | None, min_confidence: float | None, decision: str | Path | None
) -> Callable[[Rule | None], Rule]:
    """What makes the rule that is asked for of the folder's.

    Raises:
        UserError: an argument cannot be used, or two do not go together.
    """
    if keep_threshold is not None and (not isinstance(keep_threshold, int | float) or math.isnan(keep_threshold)):
        raise UserError(f"keep_threshold={keep_threshold!r}: give a number")
    if min_confidence is not None:
        check_confidence(min_confidence, "min_confidence")
    if keep_threshold is not None and (decision is not None or min_confidence is not None):
        raise UserError("keep_threshold says which changes are taken: leave decision and min_confidence out")

    def choose(own: Rule | None) -> Rule:
        rule = read_rule(decision) if decision is not None else own or Rule()
        if keep_threshold is not None:
            return Rule(keep_threshold, rule.scope)
        return rule if min_confidence is None else rule.from_confidence(min_confidence)

    return choose


def check_longest(longest: object) -> None:
    """Raises UserError if this is no number of word pieces."""
    if longest is not None and (type(longest) is not int or longest < 1):
        raise UserError(f"longest={longest!r}: give a whole number from 1 up")


def own_terms(folder: str | Path, domain: str | Path | None = None) -> TermList | None:
    """The terms in a corrector's folder, or in its domain's, which may come from a stranger; none if it has no list.

    Raises:
        UserError: the list cannot be read, or a line is no term.
    """
    path = terms_with(folder) if domain is None else terms_of_domain(domain)
    if path is None:
        return None
    try:
        strangers.check_file(path, MOST_TERMS)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error}): delete it, or replace it by a list of terms") from error
    return TermList.read(path)


def has_torch() -> bool:
    """Whether torch and fairseq are installed."""
    return all(find_spec(name) for name in ("torch", "fairseq"))


def on_onnx_runtime(
    folder: str | Path, device: "torch.device | str" = "cpu", dtype: "torch.dtype | str | None" = None
) -> bool:
    """Whether ONNX Runtime computes a model, and torch only its beams: that of an exported folder, on the CPU.

    Where torch is installed, it computes what ONNX Runtime cannot, and all for which a type is asked for.
    """
    if not (is_onnx(folder) or is_exported(folder)):
        return False
    return not has_torch() or (str(device) == "cpu" and dtype is None and is_computable(Path(folder)))


def read_domain(folder: str | Path) -> "Domain":
    """A domain's folder, by what first loads NumPy.

    Raises:
        UserError: it is no domain, or is damaged.
    """
    from fairseq_asr_correct.domains.domain_folder import Domain

    return Domain.read(folder)


def load_model(
    folder: str | Path,
    device: "torch.device | str" = "cpu",
    dtype: "torch.dtype | str | None" = None,
    threads: int | None = None,
    domain: str | Path | None = None,
) -> Seq2Seq:
    """The model in a folder or a checkpoint, computed by what the folder is for.

    Args:
        folder: where the model is; it may come from a stranger.
        device: where to compute.
        dtype: number type to compute in.
        threads: how many CPU threads compute.
        domain: a domain's folder, of which the model is the base.

    Raises:
        UserError: as for ``Corrector.from_pretrained``.
    """
    name = None if dtype is None else str(dtype).removeprefix("torch.")
    if name not in (None, *DTYPES):
        raise UserError(f"dtype={dtype!r}: give one of {', '.join(DTYPES)}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise UserError(f"threads={threads!r}: give a whole number from 1 up")
    changes = None if domain is None else read_domain(domain)
    if on_onnx_runtime(folder, device, dtype):
        if str(device) != "cpu":
            raise UserError(f"device={str(device)!r}: without torch, only the CPU computes: leave device out")
        if name not in (None, DTYPES[0]):
            raise UserError(f"dtype={name!r}: without torch, the folder's own type counts: leave dtype out")
        from fairseq_asr_correct.corrector.onnx_model import OnnxModel

        beams = partial(_load_with_torch, folder, device, name, threads, changes)
        return OnnxModel.load(folder, threads, beams if has_torch() else None, changes)
    try:
        return _load_with_torch(folder, device, name, threads, changes)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in FULL:
            raise
        raise UserError(
            f"{folder} needs {error.name}, which the runtime alone lacks: name a folder that asr-correct export "
            "wrote, or pip install fairseq-asr-correct"
        ) from error


def _load_with_torch(
    folder: str | Path, device: "torch.device | str", dtype: str | None, threads: int | None, domain: "Domain | None"
) -> Seq2Seq:
    """What torch or CTranslate2 computes; torch and fairseq are first imported here."""
    import torch

    from fairseq_asr_correct.corrector.fairseq_model import FairseqModel, usable
    from fairseq_asr_correct.formats.ctranslate2.opening import load_ctranslate2
    from fairseq_asr_correct.formats.model_files import load_any

    if threads is not None:
        torch.set_num_threads(threads)
    if is_ctranslate2(folder):
        if domain is not None:
            raise UserError(f"{folder} is for CTranslate2, which has no domains: name the folder that it was made from")
        return FairseqModel(load_ctranslate2(folder, device, dtype))  # it has its own device
    where = usable(device)  # its mistakes are told before a model is read
    return FairseqModel(load_any(folder, getattr(torch, dtype or DTYPES[0]), domain), where)
