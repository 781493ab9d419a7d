"""Splits a domain's data: what is trained on, what the training is watched by, and what the report is of.

No sentence, and no speaker where all are known, is on two sides; and what shares eight words in a row with a sentence
that is kept back is not trained on.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.recipes.real_pairs import WORDS_IN_A_ROW

Item = TypeVar("Item")
SHARE = 0.1  # of the data that is kept back, half to watch and half to report on
FEWEST, MOST = 100, 600  # sentences that are kept back
SPEAKERS = 8  # with fewer, sentences are split
ENOUGH_PAIRS = 200  # to keep some back; of fewer all are trained on, and the text is validated on
WORST = 0.5  # of the text that may overlap with what was given to validate on


@dataclass(frozen=True)
class Split:
    """A domain's data."""

    lines: list[str]  #: text to train on
    pairs: list[Pair]  #: pairs to train on
    watched: list[Pair] | list[str]  #: pairs; or text, whose errors have to be simulated
    held_out: list[Pair] | list[str]  #: the same, to report on
    dropped: int  #: lines and pairs that are left out because they overlap with these

    @property
    def simulated(self) -> bool:
        """Whether there are no real errors to validate on."""
        return not isinstance(self.held_out[0], Pair)


def split(
    lines: Sequence[str], pairs: Sequence[Pair], valid_pairs: Sequence[Pair], valid_lines: Sequence[str], seed: int
) -> Split:
    """Splits a domain's data.

    Args:
        lines: text.
        pairs: what was recognized and what was said.
        valid_pairs: pairs to validate on, if some are given.
        valid_lines: text to validate on, if some is given.
        seed: of the draw.

    Raises:
        UserError: there is too little to keep some back, or the text is what it is to be validated on.
    """
    draw = Random(f"held out {seed}")
    kept: list[Any]
    if valid_pairs:
        kept = list(valid_pairs)
    elif valid_lines:
        kept = list(valid_lines)
    elif len(pairs) >= ENOUGH_PAIRS:
        kept = _drawn(list(pairs), _owners(pairs), draw)
    else:
        kept = _drawn(list(lines), list(lines), draw)
    if len(kept) < 2:
        raise UserError("there is nothing to validate on: give more text or pairs, or name some with --valid")
    watched, held_out = _halves(kept, draw)
    found = Ngrams(WORDS_IN_A_ROW)
    found.add(_said(kept))
    train_lines = [line for line, hit in zip(lines, found.found(list(lines)), strict=True) if not hit]
    train_pairs = [pair for pair, hit in zip(pairs, found.found(_said(pairs)), strict=True) if not hit]
    if (valid_pairs or valid_lines) and len(train_lines) < WORST * len(lines):
        raise UserError(
            f"{len(lines) - len(train_lines):,} of {len(lines):,} sentences of --text are also in --valid: give other "
            "sentences to train on than to validate on"
        )
    dropped = len(lines) + len(pairs) - len(train_lines) - len(train_pairs)
    return Split(train_lines, train_pairs, watched, held_out, dropped)


def _said(some: Iterable[Pair] | Iterable[str]) -> list[str]:
    return [one.said if isinstance(one, Pair) else one for one in some]


def _owners(pairs: Sequence[Pair]) -> list[Hashable]:
    """What of each pair must not be on two sides: its speaker, or else its sentence."""
    speakers = {pair.speaker for pair in pairs}
    by_speaker = None not in speakers and len(speakers) >= SPEAKERS
    return [pair.speaker if by_speaker else pair.said for pair in pairs]


def _drawn(some: list[Item], owners: list[Hashable], draw: Random) -> list[Item]:
    """A part of some items, all of an owner's or none."""
    wanted = min(max(FEWEST, round(SHARE * len(some))), MOST, len(some) // 2)
    return _until(some, owners, wanted, draw)[0]


def _halves(kept: list[Item], draw: Random) -> tuple[list[Item], list[Item]]:
    owners: list[Hashable] = [one.said if isinstance(one, Pair) else one for one in kept]
    return _until(kept, owners, len(kept) // 2, draw)


def _until(some: list[Item], owners: list[Hashable], wanted: int, draw: Random) -> tuple[list[Item], list[Item]]:
    """At least so many items of owners drawn at random, and the others, both in order."""
    by_owner: dict[Hashable, int] = defaultdict(int)
    for owner in owners:
        by_owner[owner] += 1
    order = list(by_owner)
    draw.shuffle(order)
    chosen, count = set[Hashable](), 0
    for owner in order:
        if count >= wanted:
            break
        chosen.add(owner)
        count += by_owner[owner]
    sides = [
        [one for one, owner in zip(some, owners, strict=True) if (owner in chosen) == side] for side in (True, False)
    ]
    return sides[0], sides[1]
