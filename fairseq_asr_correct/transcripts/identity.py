"""Identifies the utterance and the speaker of a row.

An utterance is identified by its id (``id``, ``utt_id`` or ``utt-id``), or else by file, offset and duration. The
speaker is the ``speaker`` field, or else what a rule finds in the id or the recording's name: the first number of
LibriSpeech's ``speaker-chapter-utterance``, unless the user gives another rule. Null and empty fields count as missing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fairseq_asr_correct.errors import UserError

ID_FIELDS = ("id", "utt_id", "utt-id")
AUDIO = "audio_filepath"
PART = {"from": "offset", "for": "duration"}
LIBRISPEECH = r"(?:^|[-_/])(\d{1,5})-\d{3,6}-\d{4}$"  # three to six digits for the chapter, so that dates do not match
SPEAKER_HELP = (  #: of --speaker-regex
    "find the speaker in an utterance's id by this expression, or its first group, if there is no `speaker` "
    "(default: the first number of LibriSpeech's ids, such as 103-1240-0002)"
)
SpeakerRule = Callable[[str], str | None]  # from an id to its speaker


def utterance_of(fields: Mapping[str, Any]) -> str | None:
    """The utterance's id; None if the row has none."""
    for name in ID_FIELDS:
        if is_name(fields.get(name)):
            return str(fields[name])
    if not is_name(fields.get(AUDIO)):
        return None
    numbers = {word: fields.get(name) for word, name in PART.items()}
    part = [f"{word} {number:.15g} s" for word, number in numbers.items() if _is_seconds(number)]
    # Without an offset, the duration is that of the whole recording.
    return " ".join([str(fields[AUDIO]), *(part if fields.get("offset") is not None else ())])


def speaker_of(named: Any, ids: tuple[Any, ...], rule: SpeakerRule) -> str | None:
    """The named speaker, or what the rule finds in the first id that it fits."""
    if is_name(named):
        return str(named)
    names = (re.sub(r"\.\w+$", "", name) for name in ids if isinstance(name, str))
    return next(filter(None, map(rule, names)), None)


def row_speaker(fields: Mapping[str, Any], rule: SpeakerRule) -> str | None:
    """The speaker of a row with named fields."""
    return speaker_of(fields.get("speaker"), tuple(fields.get(name) for name in (*ID_FIELDS, AUDIO)), rule)


def speaker_rule(pattern: str | None = None) -> SpeakerRule:
    """A rule that finds the speaker in an id by a regular expression: its first group, or the match without groups.

    Args:
        pattern: the expression (default: that of LibriSpeech's ids).

    Raises:
        UserError: it is not a regular expression.
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
    """Whether a value can be a name: a non-empty text, or an integer."""
    return type(value) is int or (isinstance(value, str) and value != "")
