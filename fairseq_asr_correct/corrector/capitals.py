"""Words that a model of lower case leaves alone for their capitals, which a user may take for a bad model."""

from collections.abc import Iterable

from fairseq_asr_correct.corrector.corrector import Corrector


def count_capitals(corrector: Corrector, texts: Iterable[str]) -> int:
    """How many words the vocabulary cannot spell as they are, and can spell in lower case."""
    return sum(_spelled_lower(corrector, text) for text in texts if text != text.lower())


def _spelled_lower(corrector: Corrector, text: str) -> int:
    unspelled = [word for part in corrector.cut(text) if not part.tokens for word in part.text.split()]
    lower = (word.lower() for word in unspelled if word != word.lower())
    return sum(1 for word in lower if all(part.tokens for part in corrector.cut(word)))


def capitals_told(count: int, words: int) -> str:
    """What to say of them."""
    return (
        f"{count:,} of {words:,} words stay as they are, because the model cannot spell their capitals: "
        "make the input lower case first"
    )
