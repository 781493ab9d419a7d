"""Lines of several texts, drawn at random, to make errors in."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq_asr_correct.english.regional import spelled_today
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.recipes.language import check_english
from fairseq_asr_correct.transcripts.entries import read_texts
from fairseq_asr_correct.transcripts.sources import parse_file

SOME = 5000  # texts that are looked up at once


@dataclass(frozen=True)
class Part:
    """What a text gives."""

    text: str  #: ``[FORMAT:]PATH``; in rows, ``text`` is read
    lines: int
    today: float = 0.0  #: the share of lines that are put into today's spelling
    normalize: str = "none"
    repeat: bool = True  #: whether lines come again if the text has fewer


def draw(
    parts: Sequence[Part], output: Path, seed: int, excluded: Ngrams | None = None, english: bool = True
) -> dict[str, Any]:
    """Writes lines of the texts, one text after another.

    Args:
        parts: the texts.
        output: the file to write.
        seed: another one draws other lines.
        excluded: what is evaluated on; lines that share eight words in a row with it are dropped.
        english: whether the texts must be English.

    Returns:
        How many lines are written, respelled and dropped.

    Raises:
        UserError: a text cannot be read, has no lines, or is not English.
    """
    written = respelled = dropped = 0
    with open(output, "w", encoding="utf-8", newline="\n") as file:
        for number, part in enumerate(parts):
            chance = random.Random(f"{seed} {number}")
            lines, looked_at = _drawn(part, chance), not english
            while some := list(itertools.islice(lines, SOME)):
                if not looked_at:
                    check_english(some, part.text)
                    looked_at = True
                hits = excluded.found(some) if excluded else itertools.repeat(False)
                for line, hit in zip(some, hits, strict=False):
                    if hit:
                        dropped += 1
                        continue
                    today = spelled_today(line) if chance.random() < part.today else line
                    respelled += today != line
                    written += 1
                    file.write(f"{today}\n")
    return {"lines": written, "in_todays_spelling": respelled, "overlap_dropped": dropped}


def _drawn(part: Part, chance: random.Random) -> Iterator[str]:
    """The lines of a part, in the text's order, normalized."""
    path, form = parse_file(part.text)
    if not path.is_file():
        raise UserError(f"{path} is not there: name a text, or leave it out of the recipe")
    count = sum(1 for _ in read_texts(path, form, "text"))
    if not count and part.lines:
        raise UserError(f"{path} has no lines")
    times, rest = divmod(part.lines if part.repeat else min(part.lines, count), max(count, 1))
    more = set(chance.sample(range(count), rest))
    normalize = make_normalizer(part.normalize)
    for number, (_, text) in enumerate(read_texts(path, form, "text")):
        for _ in range(times + (number in more)):
            if line := normalize(text):
                yield line
