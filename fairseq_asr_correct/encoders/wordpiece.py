"""``--bpe wordpiece``: see :mod:`fairseq_asr_correct.tokens.word_pieces`."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from fairseq.data import data_utils
from fairseq.data.encoders import register_bpe
from fairseq.dataclass import FairseqDataclass
from fairseq.utils import split_paths
from omegaconf import II

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.word_pieces import WordPiece


@dataclass
class WordPieceConfig(FairseqDataclass):
    """The flags of ``--bpe wordpiece``."""

    wordpiece_vocab: Optional[str] = field(
        default=None,
        metadata={
            "help": "BERT's vocab.txt, needed only to encode (default: the source dictionary of the data folder)"
        },
    )
    wordpiece_lowercase: bool = field(default=False, metadata={"help": "lowercase the input, for uncased vocabularies"})
    data: Optional[str] = II("task.data")
    source_lang: Optional[str] = II("task.source_lang")


@register_bpe("wordpiece", dataclass=WordPieceConfig)
class WordPieceBPE:
    """:class:`WordPiece` for fairseq-generate (decoding) and fairseq-interactive (both ways)."""

    def __init__(self, cfg: WordPieceConfig) -> None:
        self.cfg = cfg

    @functools.cached_property
    def _wordpiece(self) -> WordPiece:
        return WordPiece.from_file(self.cfg.wordpiece_vocab or self._source_dictionary(), self.cfg.wordpiece_lowercase)

    def _source_dictionary(self) -> Path:
        """``dict.SOURCE.txt`` in the data folder, found as the translation task finds it."""
        if self.cfg.data:
            folder = split_paths(self.cfg.data)[0]
            source = self.cfg.source_lang or data_utils.infer_language_pair(folder)[0]
            if source:
                return Path(folder) / f"dict.{source}.txt"
        raise UserError("--bpe wordpiece needs --wordpiece-vocab FILE, the vocab.txt of the BERT folder")

    def encode(self, x: str) -> str:
        """See :meth:`WordPiece.encode`."""
        return self._wordpiece.encode(x)

    def decode(self, x: str) -> str:
        """See :meth:`WordPiece.decode`."""
        return WordPiece.decode(x)
