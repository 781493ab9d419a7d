"""Splits a domain's data: what is trained on, what the training is watched by, and what the report is of.

No sentence is on two sides, and no speaker where eight or more are known and none has most of the pairs. What shares
eight words in a row with a sentence that is kept back is not trained on.
"""

from collections import Counter
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
SPEAKERS, LARGEST = 8, 0.2  # with fewer, or one who has more than this share of the pairs, sentences are split
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
    by_speaker = _are_by_speaker(valid_pairs or pairs)
    if valid_pairs:
        kept = list(valid_pairs)
    elif valid_lines:
        kept = list(valid_lines)
    elif len(pairs) >= ENOUGH_PAIRS:
        kept = _drawn(list(pairs), by_speaker, draw)
    else:
        kept = _drawn(list(lines), False, draw)
    if len(kept) < 2:
        raise UserError("there is nothing to validate on: give more text or pairs, or name some with --valid")
    watched, held_out = _until(kept, _owners(kept, by_speaker), len(kept) // 2, draw)
    if not (watched and held_out):
        raise UserError("what is to validate on is one sentence, or of one speaker: give more with --valid")
    found = Ngrams(WORDS_IN_A_ROW)
    found.add(_said(kept))
    train_lines = [line for line, hit in zip(lines, found.found(list(lines)), strict=True) if not hit]
    train_pairs = [pair for pair, hit in zip(pairs, found.found(_said(pairs)), strict=True) if not hit]
    if valid_pairs or valid_lines:
        for flag, before, after in (("--text", lines, train_lines), ("--pairs", pairs, train_pairs)):
            if len(after) < WORST * len(before):
                raise UserError(
                    f"{len(before) - len(after):,} of {len(before):,} sentences of {flag} are also in --valid: give "
                    "other sentences to train on than to validate on"
                )
        speakers = {pair.speaker for pair in valid_pairs} - {None}
        if len({pair.speaker for pair in pairs}) >= SPEAKERS:
            train_pairs = [pair for pair in train_pairs if pair.speaker not in speakers]
    dropped = len(lines) + len(pairs) - len(train_lines) - len(train_pairs)
    return Split(train_lines, train_pairs, watched, held_out, dropped)


def _said(some: Iterable[Pair] | Iterable[str]) -> list[str]:
    return [one.said if isinstance(one, Pair) else one for one in some]


def _are_by_speaker(pairs: Sequence[Pair]) -> bool:
    """Whether pairs are split by speaker, and not by sentence."""
    speakers = Counter(pair.speaker for pair in pairs)
    enough = None not in speakers and len(speakers) >= SPEAKERS
    return enough and speakers.most_common(1)[0][1] <= LARGEST * len(pairs)


def _owners(some: Sequence[Any], by_speaker: bool) -> list[Hashable]:
    """What of each pair or line must not be on two sides: its speaker, or else its sentence."""
    return [(one.speaker if by_speaker else one.said) if isinstance(one, Pair) else one for one in some]


def _drawn(some: list[Item], by_speaker: bool, draw: Random) -> list[Item]:
    """A part of some items, all of an owner's or none."""
    wanted = min(max(FEWEST, round(SHARE * len(some))), MOST, len(some) // 2)
    return _until(some, _owners(some, by_speaker), wanted, draw)[0]


def _until(some: list[Item], owners: list[Hashable], wanted: int, draw: Random) -> tuple[list[Item], list[Item]]:
    """At least so many items of owners drawn at random, and the others, both in order."""
    by_owner = Counter(owners)
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
