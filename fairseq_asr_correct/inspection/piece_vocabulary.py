"""What a corrector's word pieces can spell."""

from pathlib import Path

from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.tokens.word_pieces import WordPiece, read_vocabulary


class PieceVocabulary:
    """The word pieces of a corrector.

    Args:
        pieces: all of them; those of an uncased vocabulary spell words in lower case.
    """

    def __init__(self, pieces: list[str]) -> None:
        self._wordpiece = WordPiece(pieces, lowercase=True)

    @classmethod
    def from_file(cls, path: Path | None = None) -> "PieceVocabulary":
        """Reads a ``vocab.txt`` or ``dict.txt`` (default: that of the model in the package).

        Raises:
            UserError: it cannot be read.
        """
        return cls(read_vocabulary(path or shipped_model() / "dict.txt"))

    def pieces(self, word: str) -> int:
        """How many pieces spell a word; 0 if it cannot be spelled."""
        pieces = self._wordpiece.encode(word).split(" ")
        return len(pieces) if self._wordpiece.vocabulary.issuperset(pieces) else 0

    def can_spell(self, word: str) -> bool:
        """Whether a word can be spelled."""
        return self.pieces(word) > 0
