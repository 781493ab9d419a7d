"""Reads a domain's text and pairs, spelled as the corrector reads them: in lower case, without marks or digits."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.data_faults import is_foreign, why_swapped
from fairseq_asr_correct.inspection.data_sources import Data, Pair, read_data
from fairseq_asr_correct.inspection.pair_numbers import pair_numbers
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary
from fairseq_asr_correct.inspection.text_numbers import text_numbers
from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.terms.document_texts import documents, is_prose, texts_of
from fairseq_asr_correct.transcripts.identity import speaker_rule

FEWEST_LINES, FEWEST_PAIRS = 50, 50
SAMPLE = 2000  # pairs and lines that are looked at for mistakes
LONGEST = 40  # words in a line; a longer one is cut
SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"'\u2019\u201d)\]]*\s+")
DIGIT = re.compile(r"\d")


def normalizer() -> Callable[[str], str]:
    """What spells text as it is trained on; numbers become words where num2words is installed."""
    return make_normalizer("librispeech", numbers=find_spec("num2words") is not None)


def read_texts(sources: Sequence[str]) -> list[str]:
    """The sentences of documents, each once, in order; those with digits are left out.

    Raises:
        UserError: a document cannot be read, there are too few sentences, or they are not English.
    """
    spell = normalizer()
    found = (line for path, form in documents(sources) for text in texts_of(path, form) for line in _lines(text, spell))
    kept = list(dict.fromkeys(found))
    name = ", ".join(sources)
    if len(kept) < FEWEST_LINES:
        raise UserError(
            f"{name} has {len(kept)} different sentences to use: give at least {FEWEST_LINES}, better a thousand"
        )
    _check_english(kept, name)
    return kept


def cut(line: str) -> Iterator[str]:
    """A line in parts of at most :data:`LONGEST` words, if it has two or more."""
    words = line.split()
    parts = -(-len(words) // LONGEST)
    for part in range(parts):
        some = words[part * len(words) // parts : (part + 1) * len(words) // parts]
        if len(some) > 1:
            yield " ".join(some)


def read_pairs(sources: Sequence[str]) -> list[Pair]:
    """The pairs of sources; those without words on one side are left out.

    Raises:
        UserError: a source cannot be read, has no recognized texts or too few pairs, or its sides are swapped.
    """
    found: list[Pair] = []
    for source in sources:
        data = read_data(source, speaker_rule())
        if data.pairs is None:
            raise UserError(f"{source} has no recognized texts: give rows with `pred_text`, or hypotheses,references")
        found += _checked(data, data.pairs)
    if len(found) < FEWEST_PAIRS:
        raise UserError(
            f"{', '.join(sources)} has {len(found)} pairs: give at least {FEWEST_PAIRS}, better a thousand, or text"
        )
    return found


def read_valid(sources: Sequence[str]) -> tuple[list[Pair], list[str]]:
    """What to validate on: pairs, and texts of sources that have no recognized ones.

    Raises:
        UserError: a source cannot be read, is swapped or foreign, has nothing to use, or some are pairs and some text.
    """
    spell, pairs, texts = normalizer(), list[Pair](), list[str]()
    for source in sources:
        if is_prose(source):
            texts += [
                line
                for path, form in documents([source])
                for text in texts_of(path, form)
                for line in _lines(text, spell)
            ]
            continue
        data = read_data(source, speaker_rule())
        if data.pairs is None:
            texts += [line for text in data.texts for line in _lines(text, spell)]
        else:
            pairs += _checked(data, data.pairs)
    if pairs and texts:
        raise UserError("--valid has pairs and text: give one of them, better pairs")
    if sources and not (pairs or texts):
        raise UserError(f"{', '.join(sources)} has no sentences to validate on: give some of two words or more")
    _check_english(texts, ", ".join(sources))
    return pairs, [*dict.fromkeys(texts)]


def _lines(text: str, spell: Callable[[str], str]) -> Iterator[str]:
    """The sentences of a text, spelled, that have no digit."""
    for sentence in SENTENCE.split(text):
        yield from (line for line in cut(spell(sentence)) if not DIGIT.search(line))


def _check_english(lines: Sequence[str], name: str) -> None:
    numbers = text_numbers(lines[:SAMPLE], PieceVocabulary.from_file())
    if is_foreign(numbers.english, numbers.words):
        raise UserError(f"{name} is hardly English: its words are not English ones; give English text")


def _checked(data: Data, pairs: Iterable[Pair]) -> list[Pair]:
    spell = normalizer()
    spelled = [Pair(spell(pair.said), spell(pair.heard), pair.speaker) for pair in pairs]
    spelled = [pair for pair in spelled if pair.said and pair.heard]
    numbers = pair_numbers(spelled, PieceVocabulary.from_file(), SAMPLE, 0)
    if is_foreign(numbers.english, numbers.words):
        raise UserError(f"{data.name} is hardly English: its words are not English ones; give English pairs")
    if why := why_swapped(numbers):
        raise UserError(
            f"the sides of {data.name} look swapped, as {why}: name the hypotheses first, or exchange `text` and "
            "`pred_text`"
        )
    return spelled
