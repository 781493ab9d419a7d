"""Work that is done once: a stage that is done, with the same inputs and settings, is not done again.

    with Workplace(Path("work")) as place:
        errors = place.do("errors", "errors.json", learn, settings={"flags": []}, inputs=[pairs])

A stage's output appears when it is complete, under its name; a killed stage leaves nothing but what the next run clears
away. ``work/stages/NAME.json`` records what it was made from. When an input or a setting is another one, the stage is
done again, and so is what depends on it. A training is not: what took hours is only thrown away by hand.
"""

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, finished_file, finished_together, make_folder

Told = dict[str, Any] | None  # what a stage counted, for its record
Work = Callable[[Path], Told]
RECORDS = "stages"


def _say(line: str) -> None:
    print(line, flush=True)


class Workplace:
    """A folder in which stages leave their outputs.

    Args:
        folder: it is made if it does not exist.
        say: gets a line when a stage begins and ends.

    Raises:
        UserError: another process works in it, or it cannot be written to.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = _say) -> None:
        self.folder, self._say = folder, say
        self._fingerprints = dict[Path, str]()
        make_folder(folder / RECORDS)

    def __enter__(self) -> "Workplace":
        self._lock = open(self.folder / RECORDS / "lock", "w")
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise UserError(f"{self.folder} is being worked in by another process: wait for it, or stop it") from None
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.close()

    def do(
        self, name: str, output: str, work: Work, settings: dict[str, Any], inputs: Iterable[Path], folder: bool = False
    ) -> Path:
        """Does a stage, unless it is done; gives its output.

        Args:
            name: of the stage, for messages and its record.
            output: name of the file or folder below the workplace.
            work: gets the path to write to, which becomes the output when all is well.
            settings: all else on which the output depends, as JSON has it.
            inputs: files and folders that it reads; those of earlier stages are known by what made them.
            folder: whether the output is a folder.
        """
        target = self.folder / output
        made_from = self._made_from(settings, inputs)
        if not self._is_done(name, target, made_from):
            self._remove(name, target)
            finished = finished_together if folder else finished_file
            make_folder(target.parent)

            def whole() -> Told:
                with finished(target) as unfinished:
                    return work(unfinished)

            self._timed(name, made_from, whole)
        self._fingerprints[target.resolve()] = fingerprint(made_from)
        return target

    def resume(self, name: str, output: str, work: Work, settings: dict[str, Any], inputs: Iterable[Path]) -> Path:
        """As :meth:`do`, for work that goes on in its output folder where it was stopped.

        Raises:
            UserError: the folder was begun with other inputs or settings.
        """
        target = self.folder / output
        made_from = self._made_from(settings, inputs)
        if not self._is_done(name, target, made_from):
            begun = self._record(f"{name}.begun")
            if begun and target.exists() and begun["made_from"] != made_from:
                raise UserError(
                    f"{target} was begun with other data or settings ({_difference(begun['made_from'], made_from)}): "
                    "delete it to train again, give the recipe that it was begun with, or name another folder"
                )
            make_folder(target)
            self._write(f"{name}.begun", {"made_from": made_from})
            self._timed(name, made_from, lambda: work(target))
        self._fingerprints[target.resolve()] = fingerprint(made_from)
        return target

    def told(self, name: str) -> dict[str, Any]:
        """What a stage that is done counted."""
        return (self._record(name) or {}).get("told") or {}

    def _made_from(self, settings: dict[str, Any], inputs: Iterable[Path]) -> dict[str, Any]:
        named = {str(path): self._fingerprints.get(path.resolve()) or content(path) for path in inputs}
        return json.loads(json.dumps({"settings": settings, "inputs": [*named.values()]}))

    def _is_done(self, name: str, target: Path, made_from: dict[str, Any]) -> bool:
        record = self._record(name)
        if not record or not target.exists():
            return False
        if record["made_from"] != made_from:
            self._say(f"{name}: again, because of {_difference(record['made_from'], made_from)}")
            return False
        return True

    def _remove(self, name: str, target: Path) -> None:
        """Removes an output that is of other inputs, its record first."""
        (self.folder / RECORDS / f"{name}.json").unlink(missing_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def _timed(self, name: str, made_from: dict[str, Any], work: Callable[[], Told]) -> None:
        self._say(f"== {time.strftime('%H:%M:%S')} {name}")
        start = time.monotonic()
        told = work()
        seconds = round(time.monotonic() - start, 1)
        self._write(name, {"made_from": made_from, "seconds": seconds, "told": told})
        counts = "".join(f", {key} {value}" for key, value in (told or {}).items() if not isinstance(value, dict))
        self._say(f"{name}: {seconds} s{counts}")

    def _record(self, name: str) -> dict[str, Any] | None:
        path = self.folder / RECORDS / f"{name}.json"
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise UserError(f"{path} is damaged: delete it to do this stage again") from None

    def _write(self, name: str, record: dict[str, Any]) -> None:
        with atomic_write(self.folder / RECORDS / f"{name}.json") as file:
            file.write(json.dumps(record, indent=1) + "\n")


def content(path: Path) -> str:
    """A fingerprint of what a file holds, or a folder's files.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if path.is_dir():
            files = sorted(one for one in path.rglob("*") if one.is_file())
            return fingerprint([(str(one.relative_to(path)), content(one)) for one in files])
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def fingerprint(value: Any) -> str:
    """The same for the same value of JSON, and for no other."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The first setting that differs, or else that it is an input."""
    for key in dict.fromkeys([*old["settings"], *new["settings"]]):
        before, after = (side["settings"].get(key) for side in (old, new))
        if before != after:
            return f"{key}: {after!r:.80} instead of {before!r:.80}"
    return "another input"
