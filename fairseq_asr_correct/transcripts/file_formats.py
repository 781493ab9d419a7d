"""The formats of transcripts, and how a file's name tells its format.

==========  =======================================================  =========================
``nemo``    JSON lines, or an array of JSON: an object an utterance   .jsonl .json .ndjson
``csv``     a header line, and a line of fields an utterance          .csv
``tsv``     the same with tabs, and no quotes                         .tsv
``kaldi``   ``utterance-id words``                                    none: write ``kaldi:``
``trn``     ``words (utterance-id)``, sclite's                        .trn
``srt``     subtitles: a cue an utterance                             .srt
``vtt``     the same                                                  .vtt
``lines``   an utterance a line                                       .txt .bad .good
==========  =======================================================  =========================

Each may be packed with gzip, which the file's first bytes tell.
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
    """What a file's name says; None if it says nothing."""
    return ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower())


def format_of(path: Path, advice: str) -> str:
    """The same; plain lines on standard input.

    Raises:
        UserError: it says nothing; the sentence ends with the advice.
    """
    form = "lines" if str(path) == "-" else ending_format(path)
    if form is None:
        raise UserError(f"{path}: the file's name does not say its format; {advice}, one of {', '.join(FORMATS)}")
    return form


def take_format(text: str) -> tuple[str | None, str]:
    """``FORMAT:PATH`` as both; no format where that is the name of a file, or begins with none."""
    form, colon, rest = text.partition(":")
    return (form, rest) if colon and form in FORMATS and not is_file(text) else (None, text)


def is_file(name: str) -> bool:
    """Whether there is something of that name, and it is no folder."""
    try:
        return bool(name) and Path(name).exists() and not Path(name).is_dir()
    except (OSError, ValueError):  # too long a name, or a zero byte in it
        return False
