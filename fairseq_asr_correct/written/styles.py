"""What the words of a text have in common: capitals throughout, the language, the kind of apostrophe."""

from collections.abc import Sequence
from typing import NamedTuple

from fairseq_asr_correct.written.capitals import shouted
from fairseq_asr_correct.written.cores import WrittenWord
from fairseq_asr_correct.written.marks import ends_sentence


class Style(NamedTuple):
    """What holds for a whole text."""

    loud: bool  #: whether it is in capitals throughout
    english: bool  #: whether it has capitals or sentences, and "i" is a pronoun
    apostrophe: str

    @classmethod
    def of(cls, words: Sequence[WrittenWord], english: bool) -> "Style":
        """The style of a text, by its words.

        Args:
            words: all of them.
            english: whether "i" is a pronoun.
        """
        cores = [word.core for word in words]
        formal = any(word.core != word.core.lower() or ends_sentence(word.core, word.after) for word in words)
        curly = any("\u2019" in core for core in cores) and not any("'" in core for core in cores)
        return cls(shouted(cores), english and formal, "\u2019" if curly else "'")
