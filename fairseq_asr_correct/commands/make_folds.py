"""Split a corpus into folds, so that every utterance is decoded by a recognizer that was not trained on it.

A recognizer makes few errors on its own training data, so the pairs to train a corrector on must come
from held-out speech: train K recognizers, each on K - 1 folds, and let each decode the fold it has not
seen (Hrinchuk et al. 2019, arXiv 1910.10697, section 3.1: 10 folds).

    asr-correct folds --input train.jsonl --save-to folds                            # NeMo manifest
    asr-correct folds --librispeech LibriSpeech/train-clean-100 --save-to folds

The command writes folds/fold0.train.jsonl and folds/fold0.heldout.jsonl, and so on up to fold9. All utterances of a
speaker go into one fold, durations are balanced, and the same seed gives the same folds.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import modern, new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together
from fairseq_asr_correct.transcripts.entries import read_entries
from fairseq_asr_correct.transcripts.identity import AUDIO, SPEAKER_HELP, SpeakerRule, row_speaker, speaker_rule
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.transcripts.sources import parse_file

Utterance = dict[str, Any]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--manifest": "--input"}))

    rule = speaker_rule(args.speaker_regex)
    utterances = list(read_audio_manifest(args.input, rule) if args.input else read_librispeech(args.librispeech))
    fold_of = assign_speakers(utterances, args.folds, args.seed)
    with finished_together(args.save_to) as folder:
        for fold in range(args.folds):
            for kind, wanted in (("train", False), ("heldout", True)):
                with open(folder / f"fold{fold}.{kind}.jsonl", "w", encoding="utf-8") as file:
                    for utterance in utterances:
                        if (fold_of[utterance["speaker"]] == fold) == wanted:
                            print(json.dumps(utterance, ensure_ascii=False), file=file)
    print("| fold | speakers | utterances | hours |\n| --- | --- | --- | --- |")
    for fold in range(args.folds):
        heldout = [u for u in utterances if fold_of[u["speaker"]] == fold]
        hours = sum(u["duration"] for u in heldout) / 3600
        print(f"| {fold} | {len({u['speaker'] for u in heldout})} | {len(heldout)} | {hours:.2f} |")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("folds", __doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--input",
        metavar="FILE",
        help="[FORMAT:]PATH of JSON lines, CSV or TSV with audio_filepath, duration (seconds) and text",
    )
    source.add_argument("--librispeech", type=Path, metavar="DIR", help="LibriSpeech folder with its *.trans.txt")
    parser.add_argument("--speaker-regex", metavar="REGEX", help=SPEAKER_HELP)
    parser.add_argument("--folds", type=int, default=10, help="number of folds (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other folds (default: 0)")
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder for the manifests")
    return parser


def read_audio_manifest(text: str, rule: SpeakerRule) -> Iterator[Utterance]:
    """The utterances of a manifest, ``[FORMAT:]PATH``, each with a `speaker`; by default that is the recording.

    Raises:
        UserError: a row is malformed or lacks a field, or an utterance comes twice; file and line are named.
    """
    seen: dict[str, int] = {}
    path, form = parse_file(text)
    for entry in read_entries(path, form):
        row, audio, place = dict(entry.fields), entry.fields.get(AUDIO), f"{path} line {entry.number}"
        try:
            row["duration"] = float(row["duration"])
            if not isinstance(audio, str) or not audio or not 0 < row["duration"] < float("inf"):
                raise TypeError
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{place} lacks `{AUDIO}`, or a `duration` above 0 in seconds") from None
        if not isinstance(row.get("text"), str):
            raise UserError(f"{place} lacks `text` as a string")
        if entry.id in seen:
            raise UserError(f"{place} repeats the utterance of line {seen[entry.id]}: {entry.id}")
        seen[entry.id] = entry.number
        row["speaker"] = row_speaker(row, rule) or Path(audio).stem
        yield row


def read_librispeech(folder: Path) -> Iterator[Utterance]:
    """The utterances in a folder of LibriSpeech: `*.trans.txt`, with the audio beside them."""
    try:
        import soundfile
    except ImportError:
        raise UserError(
            "--librispeech reads durations with soundfile: pip install 'fairseq-asr-correct[audio]'"
        ) from None

    transcripts = sorted(folder.glob("**/*.trans.txt"))
    if not transcripts:
        raise UserError(f"{folder} has no *.trans.txt: name a folder of LibriSpeech")
    for transcript in tqdm(transcripts, desc="reading durations", unit=" chapters", disable=None):
        for number, line in enumerate(read_lines(transcript), start=1):
            utterance, _, text = line.partition(" ")
            audio = transcript.with_name(f"{utterance}.flac")
            try:
                duration = soundfile.info(str(audio)).duration
            except soundfile.LibsndfileError as error:
                raise UserError(f"{transcript} line {number}: {audio} cannot be read: {error.error_string}") from None
            speaker = utterance.partition("-")[0]
            yield {"audio_filepath": str(audio), "duration": duration, "text": text.lower(), "speaker": speaker}


def assign_speakers(utterances: list[Utterance], folds: int, seed: int) -> dict[str, int]:
    """The fold of each speaker: those with most speech come first, each into the fold with least speech so far."""
    seconds: dict[str, float] = defaultdict(float)
    for utterance in utterances:
        seconds[utterance["speaker"]] += utterance["duration"]
    if folds < 2 or folds > len(seconds):
        raise UserError(f"--folds {folds}: give at least 2 and at most the number of speakers, {len(seconds)}")
    speakers = sorted(seconds)
    random.Random(seed).shuffle(speakers)  # orders speakers with equally many minutes
    speakers.sort(key=lambda speaker: -round(seconds[speaker] / 60))
    load = [0.0] * folds
    fold_of = {}
    for speaker in speakers:
        fold = load.index(min(load))
        fold_of[speaker] = fold
        load[fold] += seconds[speaker]
    return fold_of
