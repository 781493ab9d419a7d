"""SentencePiece's pieces, as fairseq's own ``--bpe sentencepiece`` makes them."""

from pathlib import Path

from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE, SentencepieceConfig

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.word_pieces import read_vocabulary


class SentencePieces:
    """fairseq's own ``--bpe sentencepiece``, so that training sees the pieces that fairseq-interactive will make.

    Args:
        folder: what ``asr-correct sentencepiece`` wrote.

    Raises:
        UserError: the folder lacks a file, or its model cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        for name in ("spm.model", "dict.txt"):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name} is not there: name the folder that asr-correct sentencepiece wrote")
        try:
            self._model = SentencepieceBPE(SentencepieceConfig(sentencepiece_model=str(folder / "spm.model")))
        except (RuntimeError, OSError) as error:
            raise UserError(f"{folder / 'spm.model'} is not a SentencePiece model: train it again") from error
        self.vocabulary = frozenset(read_vocabulary(folder / "dict.txt"))

    def encode(self, text: str) -> str:
        """Pieces of ``text``, separated by single spaces."""
        return self._model.encode(text)
