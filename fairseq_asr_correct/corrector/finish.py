"""What is done to a text in the end, whatever the model wrote: disfluencies, regional spelling, fixed spellings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.disfluencies import remove_disfluencies
from fairseq_asr_correct.english.regional import REGIONS, Region, written_as
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.spellings import Replacement, Spellings


@dataclass(frozen=True)
class Finish:
    """What is asked for.

    Raises:
        UserError: there is no such region.
    """

    region: Region | None = None  #: whose spelling words get that are spelled in two ways
    remove_disfluencies: bool = False
    spellings: Spellings = field(default_factory=Spellings)  #: replacements that always hold

    def __post_init__(self) -> None:
        if self.region not in (None, *REGIONS):
            raise UserError(f"spelling={self.region!r}: give one of {', '.join(REGIONS)}")

    @property
    def does_nothing(self) -> bool:
        """Whether no text can change."""
        return not (self.region or self.remove_disfluencies or len(self.spellings))

    def with_spellings(self, spellings: Spellings | Mapping[str, Iterable[str]] | None) -> "Finish":
        """The same with replacements that always hold."""
        return replace(self, spellings=Spellings.of(spellings))

    def apply(self, text: str) -> str:
        """The text as it leaves the corrector."""
        text = remove_disfluencies(text) if self.remove_disfluencies else text
        return self.spellings.apply(written_as(text, self.region) if self.region else text)

    def find(self, text: str) -> Iterator[Replacement]:
        """What :meth:`apply` replaces, from left to right."""
        if not (self.region or self.remove_disfluencies):
            yield from self.spellings.find(text)
            return
        before, after = text.split(), self.apply(text).split()
        steps = Levenshtein.opcodes(before, after) if before != after else ()
        for differ, group in groupby(steps, key=lambda step: step.tag != "equal"):
            if differ:
                first, *_, last = [*group] * 2
                words = after[first.dest_start : last.dest_end]
                yield Replacement(first.src_start, last.src_end, (0, 0), " ".join(words))


PLAIN = Finish()
