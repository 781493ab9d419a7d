"""Variants of spelling, "colour" for "color", are no errors: texts as they are compared with their references."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.evaluation.error_rates import error_rates
from fairseq_asr_correct.evaluation.measure import Steps, align_set
from fairseq_asr_correct.evaluation.reading import Utterance


def as_said(reference: Sequence[str], words: Sequence[str]) -> list[str]:
    """The words, of which variants of the reference's words are spelled as there."""
    return as_in(reference, words)[0]


def spelled_alike(utterances: Sequence[Utterance]) -> tuple[list[Utterance], tuple[int, int]]:
    """The utterances with variants spelled as in the reference, and how many those are before and after correction.

    Their ``edits`` are of the texts as they were.
    """
    alike, counts = [], [0, 0]
    for one in utterances:
        found = [as_in(one.reference.split(), text.split()) for text in (one.before, one.after)]
        counts = [so_far + more for so_far, (_, more) in zip(counts, found, strict=True)]
        before, after = (" ".join(words) for words, _ in found)
        alike.append(replace(one, before=before, after=after) if any(more for _, more in found) else one)
    return alike, (counts[0], counts[1])


def steps_as_written(written: Sequence[str], alike: Sequence[str], steps: str) -> str | None:
    """The alignment of a text as it was, from that of its words as they are compared.

    Beside the letters of :func:`~.alignment.align`, V is a variant in place of a reference word. One of more words than
    the reference has there ends with a v for each more, and one of fewer with a d for each reference word left over.
    Neighbouring variants are one.

    Args:
        written: the words of the text.
        alike: these, with variants spelled as in the reference.
        steps: the alignment of ``alike``.

    Returns:
        None if a variant is not right in this alignment, which is one of several with as few errors.
    """
    groups = [""]  # for each word its step, behind the deleted words before it
    for step in steps:
        groups[-1] += step
        if step != "D":
            groups.append("")
    found = ""
    for equal, blocks in groupby(Levenshtein.opcodes(written, alike), key=lambda block: block.tag == "equal"):
        some = list(blocks)
        first, last = some[0], some[-1]
        taken = "".join(groups[first.dest_start : last.dest_end])
        if not equal:
            right = taken.lstrip("D")  # words may be missing before a variant
            more = last.src_end - first.src_start - len(right)
            if right.strip("=") or not right:
                return None
            taken = taken.removesuffix(right) + "V" * min(len(right), len(right) + more) + "v" * more + "d" * -more
        found += taken
    return found + groups[-1]


def variant_numbers(utterances: list[Utterance], counts: tuple[int, int]) -> dict[str, Any]:
    """How many variants there are, and the rates of a set with all of them counted as errors, as in report.json.

    Args:
        utterances: as they were.
        counts: of variants, from :func:`spelled_alike`.
    """
    steps: list[Steps] = align_set(utterances)
    strict = {side: error_rates([both[at] for both in steps]) for at, side in enumerate(("before", "after"))}
    return {"before": counts[0], "after": counts[1], "counted": strict}
