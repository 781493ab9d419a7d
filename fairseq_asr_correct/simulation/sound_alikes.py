"""Words and phrases that sound alike, as recognizers that know words confuse them.

A recognizer of letters writes "hous"; one that knows words, such as Whisper, writes "in chest" for "inches". The table
holds, for each phrase of one or two words, real words that sound like it, nearest and commonest first. It is made by
``asr-correct simulate sounds`` from pronunciations and word counts.
"""

import gzip
from bisect import bisect
from itertools import accumulate
from pathlib import Path
from random import Random

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_file
from fairseq_asr_correct.transcripts.lines import read_lines

FORMAT = "sound-alikes 1"
Weighted = list[tuple[str, int]]


class SoundAlikes:
    """Draws phrases that sound like a given one.

    Args:
        rows: for each phrase its forms and weights, `form TAB weight TAB form...`; kept as text, since hundreds of
            thousands of lists would take gigabytes.
        share: how often a word that is wrong becomes a sound-alike, where there is one, 0 to 1.
        pair_share: how often two words become a sound-alike of both, where the first is wrong.
    """

    def __init__(self, rows: dict[str, str], share: float, pair_share: float = 0.05) -> None:
        self.rows, self.share, self.pair_share = rows, share, pair_share

    def draw(self, phrase: str, random: Random) -> str | None:
        """A form, with a probability in proportion to its weight; None if nothing sounds like it."""
        row = self.rows.get(phrase)
        if row is None:
            return None
        cells = row.split("\t")
        sums = list(accumulate(map(int, cells[1::2])))
        return cells[2 * bisect(sums, random.random() * sums[-1])]


def save(path: str | Path, table: dict[str, Weighted]) -> None:
    """Writes the table, gzipped; the same table gives the same bytes."""
    lines = [FORMAT]
    lines += ("\t".join([phrase, *(f"{form}\t{weight}" for form, weight in forms)]) for phrase, forms in table.items())
    with finished_file(path) as unfinished:
        unfinished.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def load(path: str | Path, share: float) -> SoundAlikes:
    """Reads what :func:`save` wrote.

    Raises:
        UserError: the file cannot be read, is of another kind, or is damaged.
    """
    lines = read_lines(path)
    if next(lines, None) != FORMAT:
        raise UserError(f"{path} is not a file of `asr-correct simulate sounds`")
    rows: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        phrase, tab, row = line.partition("\t")
        cells = row.split("\t")
        if not tab or len(cells) % 2 or not all(w.isdecimal() and int(w) > 0 for w in cells[1::2]):
            raise UserError(f"{path}, line {number}: forms and weights are expected; make the file again")
        rows[phrase] = row
    return SoundAlikes(rows, share)
