"""Lines that name their utterance: Kaldi's ``utterance-id words``, and sclite's trn, ``words (utterance-id)``."""

import re
from pathlib import Path

from fairseq_asr_correct.errors import UserError

TRN = re.compile(r"(.*)\(([^\s()]+)\)\s*")
OPTIONAL = re.compile(r"\(([^\s()]+)\)")
Named = tuple[str, str]  # the utterance's id, and its words


def kaldi_line(text: str, path: Path, number: int) -> Named:
    """A line of Kaldi's ``text``.

    Raises:
        UserError: it has no id.
    """
    name, words = (*text.split(maxsplit=1), "", "")[:2]
    if not name:
        raise UserError(f"{path} line {number} does not begin with an utterance id: {text[:60]!r}")
    return name, words


def trn_line(text: str, path: Path, number: int) -> Named | None:
    """A line of a trn file; None for a comment (``;;``) and for an empty line.

    Of alternatives, ``{ a / b }``, the first counts; ``@`` stands for no word. An optional word, ``(uh)``, counts
    as ``uh``: sclite reads it as ``{ uh / @ }``.

    Raises:
        UserError: it has no id, or its braces do not match.
    """
    if text.startswith(";;") or not text.strip():
        return None
    match = TRN.fullmatch(text)
    if not match:
        raise UserError(f"{path} line {number} does not end with (utterance-id): {text[:60]!r}")
    words, name = match.groups()
    if "{" in words or "}" in words:
        words = _first_alternatives(words, path, number)
    return name, OPTIONAL.sub(r"\1", words).strip()


def _first_alternatives(words: str, path: Path, number: int) -> str:
    """The words with the first of all alternatives, which may be nested."""
    chosen: list[str] = []
    taken = [True]  # for each brace that is open: whether this is its first alternative
    for word in words.split():
        if word == "{":
            taken.append(True)
        elif word == "}" and len(taken) > 1:
            taken.pop()
        elif word == "/" and len(taken) > 1:
            taken[-1] = False
        elif "{" in word or "}" in word:
            break
        elif all(taken) and not (word == "@" and len(taken) > 1):
            chosen.append(word)
    else:
        if len(taken) == 1:
            return " ".join(chosen)
    raise UserError(f"{path} line {number}: alternatives are written {{ a / b }}, with white space, not {words[:60]!r}")
