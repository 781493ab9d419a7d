"""A recipe: every choice that makes a corrector for several recognizers, out of a YAML file.

``examples/general/recipe.yaml`` is one, with a remark for each setting.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fairseq_asr_correct.english.regional import Region
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import is_set_name
from fairseq_asr_correct.recipes.checked import checked, merged, read_yaml

VARIANTS = "variants"  # the key of changes to a recipe, by name
Flags = dict[str, Any]  # of a verb, without the dashes: {sound_share: 0.7}


@dataclass(frozen=True)
class Source:
    """A file of data."""

    path: str  #: below the data folder, perhaps ``FORMAT:PATH``; of pairs also ``HYPOTHESES,REFERENCES``
    licence: str
    origin: str = ""  #: what it is and where it comes from


@dataclass(frozen=True)
class PairsOf:
    """What some recognizers wrote, and what was said."""

    source: str  #: its name among the sources
    recognizers: tuple[str, ...] = ()  #: the values of ``recognizer`` to take; all pairs if none is named
    repeat: float = 1.0  #: how often each of the pairs comes in training
    most: int | None = None  #: at most so many pairs, drawn from all


@dataclass(frozen=True)
class TextOf:
    """Text to make errors in."""

    source: str  #: its name among the sources
    today: float = 0.0  #: the share of lines that are put into today's spelling
    normalize: Literal["none", "librispeech", "whisper"] = "none"  #: as ``asr-correct pairs --normalize``


@dataclass(frozen=True)
class Written:
    """Errors that one error model makes in text."""

    name: str
    learned_from: str  #: a name among the pairs
    lines: int
    texts: dict[str, float]  #: the share of the lines that each text gives
    wer: tuple[float, ...]  #: one word error rate, or two to draw from for each line
    flags: Flags = field(default_factory=dict)  #: of ``asr-correct simulate apply``


@dataclass(frozen=True)
class Sounds:
    """Text to find words in that sound alike, for entries with the flag ``sound_share``."""

    texts: tuple[str, ...]
    lines: int  #: at most, of each


@dataclass(frozen=True)
class Cleaning:
    """Which pairs are trained on."""

    error_free: float  #: at most this share of the training pairs has no error
    max_words: int = 70
    max_wer: float = 0.5
    spelling: Region | None = None  #: the region whose spelling a reference has where the hypothesis says nothing
    flags: Flags = field(default_factory=dict)  #: of ``asr-correct pairs``


@dataclass(frozen=True)
class Training:
    """What fairseq-train gets."""

    architecture: str
    decoder_layers: int
    updates: int
    batch_tokens: int
    learning_rate: float
    warm_up: int
    dropout: float = 0.1
    encoder_dropout: float = 0.1
    label_smoothing: float = 0.0
    loss_skip_copied: float = 0.8
    save_every: int = 250  #: updates
    flags: tuple[str, ...] = ()  #: anything else for fairseq-train; it wins


@dataclass(frozen=True)
class Deciding:
    """How the decision about which changes to take is fitted."""

    sets: tuple[str, ...]  #: evaluation sets
    error_free: tuple[str, ...]  #: pairs whose references are corrected too; each change there is wrong
    sentences: int  #: at most, of each of these
    right: float = 3.0  #: how much a change of a text without errors counts
    min_confidence: float = 0.5  #: the confidence from which a change is taken


@dataclass(frozen=True)
class Recipe:
    """All choices."""

    sources: dict[str, Source]
    pairs: dict[str, PairsOf]
    texts: dict[str, TextOf]
    errors: tuple[Written, ...]
    evaluation: dict[str, PairsOf]  #: sets that are never trained on
    valid: tuple[str, ...]  #: those among them whose loss is watched in training
    cleaning: Cleaning
    start: str  #: a corrector's folder, or a BERT's folder or name
    training: Training
    decision: Deciding
    report_sentences: int = 1_000_000  #: at most, of each set
    sounds: Sounds | None = None
    learn_flags: Flags = field(default_factory=dict)  #: of ``asr-correct simulate learn``
    least_pairs: int = 1000  #: of each recognizer, to learn errors from
    language: Literal["english", "other"] = "english"
    seed: int = 1


def read_recipe(path: Path, variants: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, with the changes of these variants, one after another.

    Raises:
        UserError: it cannot be read, or a setting is unknown, missing or impossible.
    """
    content = read_yaml(path)
    given = content.pop(VARIANTS, None) or {} if isinstance(content, dict) else {}
    changes = checked(dict[str, dict[str, Any]], given, f"{path}: {VARIANTS}")
    for name in variants:
        if name not in changes:
            raise UserError(f"{path} has no variant {name!r}; it has {', '.join(changes) or 'none'}")
    for name in changes:  # all, or a mistake in one shows only when it is asked for
        check(checked(Recipe, merged(content, changes[name]), f"{path}: {VARIANTS}: {name}"), path)
    for name in variants:
        content = merged(content, changes[name])
    recipe = checked(Recipe, content, str(path))
    check(recipe, path)
    return recipe


def check(recipe: Recipe, path: Path) -> None:
    """Checks that names have what they name, and that numbers are possible.

    Raises:
        UserError: not so.
    """
    for message in _mistakes(recipe):
        raise UserError(f"{path}: {message}")


def _mistakes(recipe: Recipe) -> Iterator[str]:
    for name, source in recipe.sources.items():
        if not source.licence.strip():
            yield f"sources: {name} has an empty licence: say under which one it may be used"
    yield from _unknown_names(recipe)
    names = [*recipe.pairs, *recipe.texts, *recipe.evaluation, *(one.name for one in recipe.errors)]
    for name in names:
        if not is_set_name(name):
            yield f"the name {name!r} is made a file's: it may only have letters, digits, - and _"
    if len({one.name for one in recipe.errors}) < len(recipe.errors):
        yield "errors: two entries have one name"
    for taken in ("train", "valid"):
        if taken in recipe.evaluation:
            yield f"evaluation: {taken} is what training and validation are called; take another name"
    for name, one in recipe.evaluation.items():
        if one.repeat != 1:
            yield f"evaluation: {name} has a repeat, which only pairs have"
    yield from _impossible_numbers(recipe)


def _unknown_names(recipe: Recipe) -> Iterator[str]:
    for kind, users in (("pairs", recipe.pairs), ("texts", recipe.texts), ("evaluation", recipe.evaluation)):
        for name, one in users.items():
            yield from _missing((one.source,), recipe.sources, f"{kind}: {name}", "sources")
    for written in recipe.errors:
        yield from _missing((written.learned_from,), recipe.pairs, f"errors: {written.name}", "pairs")
        yield from _missing(written.texts, recipe.texts, f"errors: {written.name}", "texts")
        if "sound_share" in written.flags and recipe.sounds is None:
            yield f"errors: {written.name} has a sound_share, but there are no `sounds`"
    yield from _missing(recipe.sounds.texts if recipe.sounds else (), recipe.texts, "sounds", "texts")
    yield from _missing(recipe.valid, recipe.evaluation, "valid", "evaluation")
    yield from _missing(recipe.decision.sets, recipe.evaluation, "decision: sets", "evaluation")
    yield from _missing(recipe.decision.error_free, recipe.pairs, "decision: error_free", "pairs")
    for name, values in (("pairs", recipe.pairs), ("valid", recipe.valid), ("decision: sets", recipe.decision.sets)):
        if not values:
            yield f"{name} is empty: name at least one"


def _missing(names: Iterable[str], known: Iterable[str], where: str, kind: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"{where} names {name!r}, which is not among the {kind}: {', '.join(known)}"


def _impossible_numbers(recipe: Recipe) -> Iterator[str]:
    for one in recipe.errors:
        if abs(sum(one.texts.values()) - 1) > 1e-6:
            yield f"errors: {one.name}: the shares of its texts sum to {sum(one.texts.values()):g}, and must to 1"
        if len(one.wer) not in (1, 2) or list(one.wer) != sorted(one.wer):
            yield f"errors: {one.name}: wer is one rate, or two with the lower first"
    for where, share in _shares(recipe):
        if not 0 <= share <= 1:
            yield f"{where} is {share:g}, and a share is from 0 to 1"
    for where, count in _counts(recipe):
        if count < 1:
            yield f"{where} is {count}, and must be at least 1"
    least = {f"pairs: {name}: repeat": one.repeat for name, one in recipe.pairs.items()}
    least |= {"cleaning: max_wer": recipe.cleaning.max_wer, "decision: right": recipe.decision.right}
    least |= {"training: warm_up": recipe.training.warm_up, "seed": recipe.seed}
    for where, number in least.items():
        if number < 0:
            yield f"{where} is {number:g}, and must be at least 0"
    if recipe.training.learning_rate <= 0:
        yield f"training: learning_rate is {recipe.training.learning_rate:g}, and must be above 0"


def _shares(recipe: Recipe) -> Iterator[tuple[str, float]]:
    yield from ((f"texts: {name}: today", text.today) for name, text in recipe.texts.items())
    for one in recipe.errors:
        yield from ((f"errors: {one.name}: texts: {name}", share) for name, share in one.texts.items())
        yield from ((f"errors: {one.name}: wer", rate) for rate in one.wer)
    yield "cleaning: error_free", recipe.cleaning.error_free
    yield "decision: min_confidence", recipe.decision.min_confidence
    for name in ("dropout", "encoder_dropout", "label_smoothing", "loss_skip_copied"):
        yield f"training: {name}", getattr(recipe.training, name)


def _counts(recipe: Recipe) -> Iterator[tuple[str, int]]:
    for name in ("updates", "batch_tokens", "save_every", "decoder_layers"):
        yield f"training: {name}", getattr(recipe.training, name)
    yield "decision: sentences", recipe.decision.sentences
    yield "report_sentences", recipe.report_sentences
    yield "least_pairs", recipe.least_pairs
    yield "cleaning: max_words", recipe.cleaning.max_words
    yield from ((f"errors: {one.name}: lines", one.lines) for one in recipe.errors)
    if recipe.sounds is not None:
        yield "sounds: lines", recipe.sounds.lines
    for kind, some in (("pairs", recipe.pairs), ("evaluation", recipe.evaluation)):
        yield from ((f"{kind}: {name}: most", one.most) for name, one in some.items() if one.most is not None)
