"""The pairs of some recognizers out of a manifest, spelled alike, without what is evaluated on."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fairseq_asr_correct.english.regional import Region, alike
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.recipes.drawn_text import SOME
from fairseq_asr_correct.recipes.language import check_english
from fairseq_asr_correct.transcripts.chunks import parse, read_chunks
from fairseq_asr_correct.transcripts.entries import read_entries
from fairseq_asr_correct.transcripts.file_formats import ROWS
from fairseq_asr_correct.transcripts.sources import parse_source

WORDS_IN_A_ROW = 8  # that two texts share by chance hardly ever


class Spoken(NamedTuple):
    """An utterance."""

    reference: str
    hypothesis: str
    recognizer: str | None
    id: str | None = None


def read_spoken(source: str, recognizers: Sequence[str] = ()) -> Iterator[Spoken]:
    """The utterances of a source of ``asr-correct pairs``.

    Args:
        source: ``[FORMAT:]PATH`` or ``HYPOTHESES,REFERENCES``.
        recognizers: values of the field ``recognizer`` to take; all utterances if there are none.

    Raises:
        UserError: it cannot be read, or rows lack ``recognizer`` although some are named.
    """
    found = parse_source(source)
    if len(found.paths) == 1 and found.formats[0] in ("nemo", *ROWS):
        for entry in read_entries(found.paths[0], found.formats[0]):
            who = entry.fields.get("recognizer")
            if recognizers and not isinstance(who, str):
                raise UserError(
                    f"{entry.path} line {entry.number} lacks `recognizer`, by which the recipe selects: add it to "
                    "each row, or leave `recognizers` out of the recipe"
                )
            if not recognizers or who in recognizers:
                known = who if isinstance(who, str) else None
                yield Spoken(entry.text("text"), entry.text("pred_text"), known, entry.id)
        return
    if recognizers:
        raise UserError(f"{source} has no field `recognizer`, by which the recipe selects: give a manifest or a table")
    for chunk in read_chunks(found):
        for pair in parse(found, chunk):
            yield Spoken(pair.reference, pair.hypotheses[0], None)


def select(
    source: str,
    recognizers: Sequence[str],
    output: Path,
    *,
    most: int | None = None,
    region: Region | None = None,
    excluded: Ngrams | None = None,
    least: int = 0,
    english: bool = True,
) -> dict[str, Any]:
    """Writes the pairs of some recognizers as a manifest.

    Args:
        source: as for :func:`read_spoken`.
        recognizers: as for :func:`read_spoken`.
        output: the manifest to write.
        most: at most so many pairs, drawn from all.
        region: spell references as hypotheses, and where these have other words as this region does.
        excluded: what is evaluated on; pairs that share eight words in a row with it are dropped.
        least: the least number of pairs of each recognizer.
        english: whether the references must be English.

    Returns:
        How many pairs there are, by recognizer too, and how many were dropped.

    Raises:
        UserError: there are too few, or they are not English.
    """
    counts, dropped = Counter[str](), 0
    spoken = drawn(source, recognizers, most)
    with open(output, "w", encoding="utf-8") as file:
        while some := list(itertools.islice(spoken, SOME)):
            if english and not counts:
                check_english((one.reference for one in some), source)
            hits = excluded.found([one.reference for one in some]) if excluded else itertools.repeat(False)
            for one, hit in zip(some, hits, strict=False):
                if hit:
                    dropped += 1
                    continue
                counts[one.recognizer or ""] += 1
                said = alike(one.reference, one.hypothesis, region) if region else one.reference
                row = {"id": one.id, "text": said, "pred_text": one.hypothesis, "recognizer": one.recognizer}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    wanted = recognizers or [""]
    for name in wanted:
        count = counts[name] if recognizers else counts.total()
        if not count and not least:
            raise UserError(
                f"{source} has no pairs of {name}: name a recognizer that it has" if name
                else f"{source} has no pairs: name a file that has some"
            )  # fmt: skip
        if count < least:
            raise UserError(
                f"{source} has {count:,} pairs{f' of {name}' if name else ''} to use: errors are learned from at least "
                f"{least:,}; transcribe more, or leave it out"
            )
    return {"pairs": counts.total(), "overlap_dropped": dropped, "of": {name or "all": n for name, n in counts.items()}}


def drawn(source: str, recognizers: Sequence[str], most: int | None) -> Iterator[Spoken]:
    """At most so many utterances, in order; the same at each call."""
    spoken = read_spoken(source, recognizers)
    if most is None:
        return spoken
    count = sum(1 for _ in spoken)
    places = set(random.Random(0).sample(range(count), min(most, count)))
    return (one for number, one in enumerate(read_spoken(source, recognizers)) if number in places)


def ngrams_of(references: Iterable[str]) -> Ngrams:
    """What of these texts is not to be trained on."""
    found, texts = Ngrams(WORDS_IN_A_ROW), iter(references)
    while some := list(itertools.islice(texts, SOME)):
        found.add(some)
    return found
