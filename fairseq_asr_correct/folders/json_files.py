"""JSON files that may come from strangers, with mistakes in them told to the user."""

from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders import strangers


def read_json(path: str | Path, advice: str, most: int = strangers.MOST_JSON) -> dict[str, Any]:
    """The object in a file of JSON.

    Args:
        path: of the file, which may come from a stranger.
        advice: what to do, for the message.
        most: the most bytes that it may have.

    Raises:
        UserError: it cannot be read, or is not an object; the message ends with the advice.
    """
    try:
        content = strangers.read_json(path, most)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): {advice}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a JSON object: {advice}")
    return content
