"""Which utterance a row is about, and who spoke.

An utterance is its id (``id``, ``utt_id`` or ``utt-id``), or else a part of a recording: file, offset and duration. A
speaker is what ``speaker`` says, or else what a rule reads off the id, or off the recording's name without one: the
first number of LibriSpeech's ``speaker-chapter-utterance``, unless the user states another rule. What is null or
empty is not there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fairseq_asr_correct.errors import UserError

ID_FIELDS = ("id", "utt_id", "utt-id")
AUDIO = "audio_filepath"
PART = {"from": "offset", "for": "duration"}
LIBRISPEECH = r"(?:^|[-_/])(\d{1,5})-\d{3,6}-\d{4}$"  # chapters have three to six digits: a date does not
SPEAKER_HELP = (  #: of --speaker-regex
    "what it finds in an utterance's id, or what its first group finds, is the speaker where no `speaker` is named "
    "(default: the first number of LibriSpeech's ids, as in 103-1240-0002)"
)
SpeakerRule = Callable[[str], str | None]  # from an id to its speaker


def utterance_of(fields: Mapping[str, Any]) -> str | None:
    """The utterance's name; None if the row does not tell."""
    for name in ID_FIELDS:
        if is_name(fields.get(name)):
            return str(fields[name])
    if not is_name(fields.get(AUDIO)):
        return None
    numbers = {word: fields.get(name) for word, name in PART.items()}
    part = [f"{word} {number:.15g} s" for word, number in numbers.items() if _is_seconds(number)]
    # Without an offset the duration is the whole recording's.
    return " ".join([str(fields[AUDIO]), *(part if fields.get("offset") is not None else ())])


def speaker_of(named: Any, ids: tuple[Any, ...], rule: SpeakerRule) -> str | None:
    """The speaker as named, or as the rule reads it off the first id that it fits."""
    if is_name(named):
        return str(named)
    names = (re.sub(r"\.\w+$", "", name) for name in ids if isinstance(name, str))
    return next(filter(None, map(rule, names)), None)


def row_speaker(fields: Mapping[str, Any], rule: SpeakerRule) -> str | None:
    """The speaker of a row with named fields."""
    return speaker_of(fields.get("speaker"), tuple(fields.get(name) for name in (*ID_FIELDS, AUDIO)), rule)


def speaker_rule(pattern: str | None = None) -> SpeakerRule:
    """A rule of a regular expression: what its first group finds in an id, or all it finds if it has no group.

    Args:
        pattern: LibriSpeech's if it is left out.

    Raises:
        UserError: it is no regular expression.
    """
    try:
        found = re.compile(LIBRISPEECH if pattern is None else pattern, re.ASCII).search
    except re.error as error:
        raise UserError(f"--speaker-regex {pattern}: {error}") from None

    def rule(name: str) -> str | None:
        match = found(name)
        return match and match[1 if match.re.groups else 0]

    return rule


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e9


def is_name(value: Any) -> bool:
    """Whether a field's value can name something: text that is not empty, or a whole number."""
    return type(value) is int or (isinstance(value, str) and value != "")
