"""How some kinds of recognizers err: error models that come with the package.

``known/KIND.errors.json.gz`` were learned by ``scripts/learn_known_errors.py`` from real recognizers, on LibriSpeech
(CC BY 4.0) and Common Voice (CC0); they hold counts, and no sentence of either.
"""

from pathlib import Path

KINDS = {  # what each was learned from
    "ctc": "characters without a language model: MMS on Common Voice, and a CTC on LibriSpeech",
    "whisper-small": "Whisper tiny and base on Common Voice",
    "whisper-large": "Whisper medium and large-v2 on Common Voice",
}
FOLDER = Path(__file__).with_name("known")


def known_errors(kind: str) -> Path:
    """The error model of a kind of recognizers, one of :data:`KINDS`."""
    return FOLDER / f"{kind}.errors.json.gz"
