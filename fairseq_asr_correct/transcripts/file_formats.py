"""The formats of transcripts, and how to find a file's format from its name.

==========  =======================================================  =========================
``nemo``    JSON lines, or a JSON array: one object per utterance     .jsonl .json .ndjson
``csv``     a header line, and one row per utterance                  .csv
``tsv``     the same with tabs and without quotes                     .tsv
``kaldi``   ``utterance-id words``                                    none: write ``kaldi:``
``trn``     ``words (utterance-id)``, sclite's                        .trn
``srt``     subtitles: one utterance per cue                          .srt
``vtt``     the same                                                  .vtt
``lines``   one utterance per line                                    .txt .bad .good
==========  =======================================================  =========================

Each may be compressed with gzip, which the file's first bytes show.
"""

from pathlib import Path

from fairseq_asr_correct.errors import UserError

ROWS = ("nemo", "csv", "tsv")  #: formats whose utterances have named fields
TEXTS = ("kaldi", "trn", "srt", "vtt", "lines")  #: formats whose utterances have one text
FORMATS = (*ROWS, *TEXTS)
ENDINGS = {
    ".jsonl": "nemo",
    ".json": "nemo",
    ".ndjson": "nemo",
    ".csv": "csv",
    ".tsv": "tsv",
    ".trn": "trn",
    ".srt": "srt",
    ".vtt": "vtt",
    ".txt": "lines",
    ".bad": "lines",
    ".good": "lines",
}


def ending_format(path: Path) -> str | None:
    """The format that a file's name implies; None if it implies none."""
    return ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower())


def format_of(path: Path, advice: str) -> str:
    """The format that a file's name implies; ``lines`` for standard input.

    Raises:
        UserError: the name implies none; the message has the advice.
    """
    form = "lines" if str(path) == "-" else ending_format(path)
    if form is None:
        raise UserError(f"{path}: the file's name does not say its format; {advice}, one of {', '.join(FORMATS)}")
    return form


def take_format(text: str) -> tuple[str | None, str]:
    """Splits ``FORMAT:PATH``; the format is None if there is none, or if the whole is the name of a file."""
    form, colon, rest = text.partition(":")
    return (form, rest) if colon and form in FORMATS and not is_file(text) else (None, text)


def is_file(name: str) -> bool:
    """Whether something exists under that name and is not a folder."""
    try:
        return bool(name) and Path(name).exists() and not Path(name).is_dir()
    except (OSError, ValueError):  # the name is too long, or has a zero byte
        return False
