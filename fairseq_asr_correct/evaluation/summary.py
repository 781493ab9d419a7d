"""What the command prints: a line for two files, or tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from fairseq_asr_correct.evaluation.comparison_text import comparison_table, most_different_table
from fairseq_asr_correct.evaluation.document import TERM_RATES, table, term_table
from fairseq_asr_correct.evaluation.error_rates import error_rates
from fairseq_asr_correct.evaluation.markdown import markdown, percent
from fairseq_asr_correct.evaluation.measure import align_set, measure, measure_terms
from fairseq_asr_correct.evaluation.reading import Utterance
from fairseq_asr_correct.evaluation.reliability_text import reliability_table
from fairseq_asr_correct.evaluation.spelled_alike import spelled_alike


def rate_line(utterances: list[Utterance], variants_count: bool = False) -> str:
    """The word error rate of the recognized texts, and that without case and marks, and without variants.

    Args:
        utterances: of the set.
        variants_count: leave out the last of these.
    """
    counts = measure("files", utterances, align_set(utterances), draws=100)
    before = counts["before"]
    kinds = "/".join(str(before[kind]) for kind in ("substitutions", "deletions", "insertions"))
    wer = percent(before["wer"], "%")
    line = f"WER {wer}: {kinds} sub/del/ins in {counts['reference_words']:,} words, {len(utterances):,} utterances"
    if counts["written"]:
        line += f"; {percent(before['plain_wer'], '%')} without case and marks"
    alike, (count, _) = spelled_alike(utterances)
    if count and not variants_count:
        rates = error_rates([before for before, _ in align_set(alike)])
        line += f"; {percent(rates['wer'], '%')} without {count:,} variants of spelling"
    return line


def terms_line(utterances: list[Utterance], terms: Sequence[str] | None) -> str:
    """The rates of the recognized texts on the words of a list, or where it is None, on those of each utterance's."""
    found = measure_terms(utterances, align_set(utterances), terms)
    rates = {name: percent(found["before"][name], "%") for name in TERM_RATES}
    return (
        f"B-WER {rates['b_wer']} on {found['listed_words']:,} listed words, U-WER {rates['u_wer']} on "
        f"{found['other_words']:,} others; terms: recall {rates['recall']}, precision {rates['precision']}"
    )


def tables(measured: list[dict[str, Any]], sets: Mapping[str, list[Utterance]], count: int = 0) -> str:
    """The tables of all sets.

    Args:
        measured: the numbers of each.
        sets: their utterances.
        count: of changed utterances to show, and where two systems are compared, of those that differ most.
    """
    parts = [table(measured)]
    for name, make in (("terms", term_table), ("reliability", reliability_table), ("comparison", comparison_table)):
        if some := [numbers for numbers in measured if name in numbers]:
            parts.append(make(some))
    if count:
        rows = [row for utterances in sets.values() for row in examples(utterances, count)]
        parts.append(markdown(("recognized", "corrected", "said"), rows))
        parts += [most_different_table(one["comparison"], count) for one in measured if "comparison" in one]
    return "\n\n".join(parts)


def examples(utterances: list[Utterance], count: int) -> list[tuple[str, str, str]]:
    """``count`` of the changed utterances, evenly spread."""
    changed = [utterance for utterance in utterances if utterance.before != utterance.after]
    count = min(count, len(changed))
    picked = (changed[(2 * i + 1) * len(changed) // (2 * count)] for i in range(count))
    return [(utterance.before, utterance.after, utterance.reference) for utterance in picked]
