"""A model's dictionary, without fairseq: the same symbols under the same numbers."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from fairseq_asr_correct.tokens.word_pieces import SPECIALS


class AnyDictionary(Protocol):
    """What is looked at in a dictionary, whether it is fairseq's or a :class:`PlainDictionary`."""

    symbols: list[str]  #: by number
    nspecial: int  #: how many of them, the first ones, stand for no text

    def __getitem__(self, idx: int, /) -> str: ...
    def __len__(self) -> int: ...
    def index(self, sym: str, /) -> int: ...  # noqa: D102
    def bos(self) -> int: ...  # noqa: D102
    def pad(self) -> int: ...  # noqa: D102
    def eos(self) -> int: ...  # noqa: D102
    def unk(self) -> int: ...  # noqa: D102


class PlainDictionary:
    """A dictionary as fairseq reads it from a ``dict.txt``.

    Args:
        symbols: all of them, by number, with fairseq's four specials in front.

    Raises:
        ValueError: the specials are missing, or a symbol comes twice.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self.nspecial = len(SPECIALS)
        if self.symbols[: self.nspecial] != list(SPECIALS):
            raise ValueError(f"it does not begin with {', '.join(SPECIALS)}")
        if len(self._numbers) != len(self.symbols):
            raise ValueError("a symbol comes twice")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def __getitem__(self, idx: int, /) -> str:
        return self.symbols[idx]

    def __len__(self) -> int:
        return len(self.symbols)

    def index(self, sym: str, /) -> int:
        """The number of a symbol; that of ``<unk>`` if it is not there."""
        return self._numbers.get(sym, self.unk())

    def bos(self) -> int:
        """The number of ``<s>``."""
        return 0

    def pad(self) -> int:
        """The number of ``<pad>``."""
        return 1

    def eos(self) -> int:
        """The number of ``</s>``."""
        return 2

    def unk(self) -> int:
        """The number of ``<unk>``."""
        return 3
