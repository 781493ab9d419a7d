"""All numbers of a set, as in report.json."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import jiwer
import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from fairseq_asr_correct.evaluation.alignment import Changes, Confusion, align, errors
from fairseq_asr_correct.evaluation.bootstrap import paired_bootstrap
from fairseq_asr_correct.evaluation.error_rates import error_rates, rate
from fairseq_asr_correct.evaluation.listed_words import Lookup, TermCounts, term_numbers
from fairseq_asr_correct.evaluation.plain_text import is_plain, plain
from fairseq_asr_correct.evaluation.reading import Utterance, all_speakers
from fairseq_asr_correct.evaluation.reliability import Rewriting, as_they_are
from fairseq_asr_correct.version import __version__

Steps = tuple[str, str]  # alignments before and after correction, from align
MOST = 25  # confusions shown
LENGTHS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 40), (41, None))  # reference words
BASELINES = ((0, 0), (0, 10), (10, 20), (20, 30), (30, 50), (50, None))  # above, up to: percent


def align_set(utterances: list[Utterance]) -> list[Steps]:
    """The steps of every utterance before and after."""
    references = [utterance.reference for utterance in utterances]
    sides = [[getattr(utterance, name) for utterance in utterances] for name in ("before", "after")]
    return list(zip(*(align(references, side) for side in sides), strict=True))


def measure(
    name: str,
    utterances: list[Utterance],
    steps: list[Steps],
    draws: int = 10_000,
    seed: int = 1,
    rewriting: Rewriting = as_they_are,
) -> dict:
    """A set's numbers; rates are in percent, or None if they would divide by 0.

    Args:
        name: of the set.
        utterances: its utterances.
        steps: their alignments, from :func:`align_set`.
        draws: how often the bootstrap resamples.
        seed: seed of the bootstrap.
        rewriting: of words without case and marks, before errors are counted in them.
    """
    counts = np.array([[errors(side) for side in both] for both in steps], np.int64).reshape(-1, 2)
    before, after = counts[:, 0], counts[:, 1]
    changes = Changes()
    for utterance, both in zip(utterances, steps, strict=True):
        changes.add(utterance.reference, utterance.before, utterance.after, *both)
    known = all_speakers(utterances)
    interval = asdict(paired_bootstrap(before, after, known, draws, seed))
    references = [" ".join(utterance.reference.split()) for utterance in utterances]
    sides = [[" ".join(getattr(u, side).split()) for u in utterances] for side in ("before", "after")]
    quality = _quality(steps, references, *sides)
    written = _add_plain(quality, references, sides[0], sides[1], rewriting)
    copied = sum(was == now for was, now in zip(*sides, strict=True))
    return {
        "name": name,
        "sentences": len(utterances),
        "reference_words": sum(len(text.split()) for text in references),
        "speakers": len(set(known)) if known else None,
        **quality,
        "written": written,
        "relative_reduction": rate(before.sum() - after.sum(), before.sum()),
        **interval,
        "sentences_improved": int((after < before).sum()),
        "sentences_unchanged": int((after == before).sum()),
        "sentences_harmed": int((after > before).sum()),
        "copy_rate": rate(copied, len(utterances)),
        **_corrections(changes),
        "confusions": {
            "fixed": _most(changes.confusions_fixed),
            "introduced": _most(changes.confusions_introduced),
        },
        "by_length": _by_length(steps, before, after),
        "by_baseline_wer": _by_baseline(steps, before, after),
    }


def measure_terms(utterances: list[Utterance], steps: list[Steps], terms: Sequence[str] | None = None) -> dict:
    """A set's numbers on the words of lists; see :mod:`.listed_words`.

    Args:
        utterances: as for :func:`measure`.
        steps: as for :func:`measure`.
        terms: the list for all utterances (default: each has its own).
    """
    before, after = TermCounts(), TermCounts()
    common = None if terms is None else Lookup(terms)
    for utterance, both in zip(utterances, steps, strict=True):
        lookup = common or Lookup(utterance.terms)
        reference = utterance.reference.split()
        before.add(lookup, reference, utterance.before.split(), both[0])
        after.add(lookup, reference, utterance.after.split(), both[1])
    return term_numbers(before, after)


def signature(lowercase: bool = False, variants_count: bool = True) -> str:
    """How the numbers were counted; numbers with equal signatures can be compared.

    Args:
        lowercase: whether texts were compared in lower case.
        variants_count: whether a variant of a word's spelling is an error.
    """
    libraries = "|".join(f"{library}:{version(library)}" for library in ("jiwer", "sacrebleu"))
    kinds = f"case:{'lower' if lowercase else 'kept'}|variants:{'counted' if variants_count else 'equal'}"
    return f"asr_correct|version:{__version__}|tok:whitespace|{libraries}|{kinds}"


def _quality(steps: list[Steps], references: list[str], before: list[str], after: list[str]) -> dict[str, Any]:
    """Error rates before and after, and BLEU and chrF as sacrebleu defines them."""
    errors_of = {"before": error_rates([both[0] for both in steps]), "after": error_rates([both[1] for both in steps])}
    if not any(references):
        return {side: rates | {"cer": None, "bleu": None, "chrf": None} for side, rates in errors_of.items()}
    # White space separates words; there is no punctuation to split off.
    bleu = BLEU(tokenize="none", force=True, references=[references])
    chrf = CHRF(references=[references])
    return {
        side: errors_of[side]
        | {
            "cer": 100 * jiwer.cer(references, hypotheses),
            "bleu": bleu.corpus_score(hypotheses, None).score,
            "chrf": chrf.corpus_score(hypotheses, None).score,
        }
        for side, hypotheses in (("before", before), ("after", after))
    }


def _add_plain(
    quality: dict[str, Any], references: list[str], before: list[str], after: list[str], rewriting: Rewriting
) -> bool:
    """Adds the word error rates without case and marks; returns whether any text has capitals or marks."""
    written = not all(is_plain(text) for side in (references, before, after) for text in side)
    said = list(map(plain, references)) if written else []
    for name, side in (("before", before), ("after", after)):
        rates = quality[name]
        if written:
            others = (rewriting(one.split(), plain(text).split()) for one, text in zip(said, side, strict=True))
            rates = error_rates(align(said, list(map(" ".join, others))))
        quality[name]["plain_wer"] = rates["wer"]
    return written


def _corrections(changes: Changes) -> dict[str, Any]:
    """Detection asks whether wrong words were touched, correction whether they came out right."""
    touched = changes.touched + changes.introduced
    return {
        "errors_fixed": changes.fixed,
        "errors_introduced": changes.introduced,
        "words_broken": changes.broken,
        "false_correction_rate": rate(changes.broken, changes.right),
        "precision": rate(changes.fixed, touched),
        "recall": rate(changes.fixed, changes.errors),
        "detection_precision": rate(changes.touched, touched),
        "detection_recall": rate(changes.touched, changes.errors),
    }


def _by_length(steps: list[Steps], before: np.ndarray, after: np.ndarray) -> list[dict[str, Any]]:
    words = _reference_words(steps)
    table = []
    for low, high in LENGTHS:
        inside = (words >= low) & (words <= (high or words.max(initial=0)))
        table.append(
            {
                "bin": f"{low}-{high}" if high else f"{low}+",
                "sentences": int(inside.sum()),
                "reference_words": int(words[inside].sum()),
                "wer_before": rate(before[inside].sum(), words[inside].sum()),
                "wer_after": rate(after[inside].sum(), words[inside].sum()),
            }
        )
    return table


def _by_baseline(steps: list[Steps], before: np.ndarray, after: np.ndarray) -> list[dict[str, Any]]:
    words = _reference_words(steps)
    # An empty reference with errors counts as infinitely wrong.
    baseline = np.where(words > 0, 100 * before / np.maximum(words, 1), np.where(before > 0, np.inf, 0.0))
    table = []
    for low, high in BASELINES:
        inside = baseline == 0 if high == 0 else (baseline > low) & (baseline <= (high or np.inf))
        table.append(
            {
                "bin": "0" if high == 0 else f"{low}-{high}" if high else f"over {low}",
                "sentences": int(inside.sum()),
                "improved": int((after < before)[inside].sum()),
                "harmed": int((after > before)[inside].sum()),
                "wer_before": rate(before[inside].sum(), words[inside].sum()),
                "wer_after": rate(after[inside].sum(), words[inside].sum()),
            }
        )
    return table


def _reference_words(steps: Iterable[Steps]) -> np.ndarray:
    return np.array([len(side) - side.count("I") for side, _ in steps], np.int64)


def _most(confusions: Counter[Confusion]) -> list[dict[str, Any]]:
    ranked = sorted(confusions.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return [{"reference": said, "hypothesis": heard, "count": count} for (said, heard), count in ranked]
