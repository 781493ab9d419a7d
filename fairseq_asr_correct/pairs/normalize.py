"""Normalizes the spelling of pairs: not at all, as in LibriSpeech, or as in Whisper's evaluation."""

import json
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fairseq_asr_correct.errors import UserError

NORMALIZERS = ("none", "librispeech", "whisper")
APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032\uff07`\u00b4", "'"))
LATIN = str.maketrans({
    "æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i",
    "&": " and ", "%": " percent ",
})  # fmt: skip
PLAIN = re.compile(r"[a-z0-9' ]*").fullmatch
LONGEST_NUMBER = 15  # digits; longer ones are read digit by digit
NUMBER = re.compile(
    r"(?<![\w.,])(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
    r"(?:(?P<ordinal>st|nd|rd|th)|(?P<plural>['’]?s)|(?P<decimal>\.[0-9]+))?(?![\w]|[.,][0-9])",
    re.IGNORECASE,
)


def make_normalizer(name: str, numbers: bool = False) -> Callable[[str], str]:
    """A function that normalizes text; it always makes white space single spaces.

    Args:
        name: ``none`` changes nothing else. ``librispeech`` lowercases and removes accents and punctuation other
            than apostrophes; letters of other scripts and digits stay. ``whisper`` is Whisper's normalizer for
            English, which also spells numbers as digits, writes contractions out, and drops what is in brackets,
            "uh" and "um".
        numbers: first spell numbers as words, see :func:`spell_numbers`.

    Raises:
        UserError: a package is missing, or ``numbers`` is given with ``whisper``, which undoes it.
    """
    if numbers and name == "whisper":
        raise UserError("--numbers-to-words: --normalize whisper turns number words into digits; leave out one of them")
    normalize = {"none": _single, "librispeech": librispeech, "whisper": _whisper}[name]
    if name == "whisper":
        _whisper_normalizer()  # fail now, not at the first sentence
    if not numbers:
        return normalize
    _num2words()
    return lambda text: normalize(spell_numbers(text))


def _single(text: str) -> str:
    return " ".join(text.split())


def librispeech(text: str) -> str:
    """Letters, apostrophes, digits and single spaces, in lower case."""
    text = text.lower()
    if not PLAIN(text):
        text = unicodedata.normalize("NFKD", text.translate(APOSTROPHES)).lower()
        text = re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", text)
        text = unicodedata.normalize("NFC", text).translate(LATIN)
        text = re.sub(r"(?<![^\W_])([^\W\d_])\.(?=[^\W\d_]\b)", r"\1", text)  # u.s. is a word
        text = "".join(map(_spoken, text))
    return " ".join(word for word in map(_unquoted, text.split()) if word)


@lru_cache(maxsize=10_000)
def _spoken(letter: str) -> str:
    """The letter, a space for punctuation, or nothing for formatting characters such as a soft hyphen."""
    category = unicodedata.category(letter)
    return letter if letter == "'" or category[0] in "LMN" else "" if category == "Cf" else " "


def _unquoted(word: str) -> str:
    """'hello' loses its quotes; 'tis and boys' keep their apostrophes."""
    if word.startswith("'") and (word.endswith("'") or not word.strip("'")):
        return word.strip("'")
    return word


def _whisper(text: str) -> str:
    return _single(_whisper_normalizer()(text))


@lru_cache(maxsize=1)
def _whisper_normalizer() -> Callable[[str], str]:
    spec = find_spec("whisper_normalizer")  # for its list of spellings, which transformers does not ship
    if spec is None or spec.origin is None:
        raise UserError("--normalize whisper needs Whisper's spellings: pip install 'fairseq-asr-correct[text]'")
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    spellings = Path(spec.origin).parent / "normalizers" / "english.json"
    return EnglishTextNormalizer(json.loads(spellings.read_text(encoding="utf-8")))


def spell_numbers(text: str) -> str:
    """English words for numbers in digits: 21, 1,234, 3.14, 3rd, 1984, the 1920s.

    Four digits without a comma from 1100 to 1999 and from 2010 to 2099 are read as a year ("nineteen eighty
    four"), a leading zero or more than fifteen digits one by one. A number inside a word ("mp3") stays.
    """
    return NUMBER.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    digits = match["whole"].replace(",", "")
    if match["ordinal"]:
        return _words(digits, "ordinal") if len(digits) <= LONGEST_NUMBER else match[0]
    if len(digits) > LONGEST_NUMBER or (len(digits) > 1 and digits[0] == "0"):
        words = " ".join(map(_words, digits))
    elif re.fullmatch("1[1-9]..|20[1-9].", match["whole"]) and not match["decimal"]:
        words = _words(digits, "year")
    else:
        words = _words(digits)
    if match["decimal"]:
        words += " point " + " ".join(map(_words, match["decimal"][1:]))
    if match["plural"]:
        words = words[:-1] + "ies" if words.endswith("y") else words + ("es" if words.endswith("x") else "s")
    return words


@lru_cache(maxsize=100_000)
def _words(digits: str, kind: str = "cardinal") -> str:
    return re.sub("[-, ]+", " ", _num2words()(int(digits), to=kind))


@lru_cache(maxsize=1)
def _num2words() -> Callable[..., str]:
    try:
        from num2words import num2words
    except ImportError:
        raise UserError("--numbers-to-words needs num2words: pip install 'fairseq-asr-correct[text]'") from None
    return num2words
