"""Search options of a :class:`~fairseq_asr_correct.Corrector`."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from fairseq_asr_correct.errors import UserError

BEAM, INPUT_GUIDED = "beam", "input-guided"
DECODINGS = (BEAM, INPUT_GUIDED)
WIDTH = 4  # of the beam
FLAGS = {"lenpen": 0, "min_len": 0, "max_len_a": 1, "max_len_b": 50}  # as for fairseq-generate in the guides


@dataclass(frozen=True)
class Search:
    """Checked search options; :meth:`of` makes them."""

    batch_size: int
    beam: int
    decoding: str  #: one of :data:`DECODINGS`
    nbest: int  #: how many alternatives to give; 0 for only the correction
    evidence: bool = False  #: whether each change comes with what speaks for and against it

    @classmethod
    def of(
        cls,
        batch_size: int,
        beam: int | None,
        decoding: str | None,
        nbest: int | None = None,
        decodings: Sequence[str] = DECODINGS,
    ) -> "Search":
        """Checks options, and fills in defaults for None.

        Args:
            batch_size: texts, or parts of texts, in a batch.
            beam: beam size.
            decoding: one of :data:`DECODINGS`.
            nbest: alternatives of each text.
            decodings: what the model has, the default first; one that has beams searches with one if it is asked for.

        Raises:
            UserError: an option is wrong, or two do not go together.
        """
        if decoding not in (None, *DECODINGS):
            raise UserError(f"decoding={decoding!r}: give one of {', '.join(DECODINGS)}")
        if BEAM not in decodings:
            _check_greedy(beam, decoding, nbest)
        elif decoding is None and any(type(one) is int and one > 1 for one in (beam, nbest)):
            decoding = BEAM
        decoding = decodings[0] if decoding is None else decoding
        guided = decoding == INPUT_GUIDED
        beam = (1 if guided else WIDTH) if beam is None else beam
        numbers = {"batch_size": batch_size, "beam": beam} | ({} if nbest is None else {"nbest": nbest})
        for name, value in numbers.items():
            if type(value) is not int or value < 1:
                raise UserError(f"{name}={value!r}: give a whole number from 1 up")
        if guided and beam > 1:
            raise UserError(f"decoding={decoding!r} is greedy and has no beam={beam}: leave one of the two out")
        if nbest is not None and nbest > beam:
            raise UserError(f"nbest={nbest} is larger than beam={beam}: give a larger beam")
        return cls(batch_size, beam, decoding, nbest or 0)

    @property
    def guided(self) -> bool:
        """Whether decoding is input-guided."""
        return self.decoding == INPUT_GUIDED

    def flags(self) -> Namespace:
        """The options as a task's ``build_generator`` takes them."""
        return Namespace(beam=self.beam, **FLAGS)


def _check_greedy(beam: object, decoding: str | None, nbest: object) -> None:
    """Raises UserError for options that need a beam."""
    asked: dict[str, object] = {"decoding": decoding} if decoding == BEAM and beam is None else {}
    asked |= {name: value for name, value in (("beam", beam), ("nbest", nbest)) if type(value) is int and value > 1}
    for name, value in asked.items():
        raise UserError(
            f"{name}={value!r} needs a beam, which only torch computes: leave it out, or install fairseq-asr-correct"
        )
