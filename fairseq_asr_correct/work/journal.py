"""A record of finished batches that survives kill -9, so that no batch is done twice."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import write_errors_told
from fairseq_asr_correct.unfinished import to_disk


class Results(Mapping[int, list[dict[str, Any]]]):
    """The results of batches by their numbers, read from the file when they are asked for: memory holds only places.

    Args:
        file: the journal.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[int, tuple[int, int]] = {}

    def note(self, batch: int, start: int, size: int) -> None:
        """Says where the line of a batch is, in bytes."""
        self._places[batch] = start, size

    def __getitem__(self, batch: int) -> list[dict[str, Any]]:
        start, size = self._places[batch]
        return json.loads(os.pread(self._file.fileno(), size, start))["results"]

    def __contains__(self, batch: object) -> bool:
        return batch in self._places  # without reading its results

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Journal:
    """JSON lines; each is on the disk before the next batch begins, and an incomplete last line is cut off.

    Args:
        path: the file, which is made if it does not exist.
        run: all that the results depend on; a journal with another ``run`` is refused.

    Raises:
        UserError: the journal is of another run, is being written by another process, or cannot be made.
    """

    def __init__(self, path: Path, run: dict[str, Any]) -> None:
        try:
            with write_errors_told(path):
                self.file = open(path, "a+b")  # noqa: SIM115  (closed by close)
            # Not flock: worker processes would inherit it, and keep it when this process is killed.
            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path} is being written by another process: wait for it, or stop it") from None
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}") from None
        self.path, self.finished = path, Results(self.file)
        with write_errors_told(path):
            self._end = self._read(json.loads(json.dumps(run)))
            self.file.truncate(self._end)
            if not self._end:
                self._write({"run": run})
                to_disk(path.parent)  # otherwise a power cut can lose the file's name, and so its contents

    def _read(self, run: dict[str, Any]) -> int:
        """Notes the complete lines; returns where the last of them ends, from where the file is damaged.

        Raises:
            UserError: the first line is of another run.
        """
        self.file.seek(0)
        end = 0
        for line in self.file:
            entry = _entry(line)
            if entry is None:
                break
            if not end:
                if entry.get("run") != run:
                    self.close()
                    message = "was begun with another manifest or other options: delete it to start again"
                    raise UserError(f"{self.path} {message}")
            elif type(entry.get("batch")) is int and "results" in entry:
                self.finished.note(entry["batch"], end, len(line))
            else:
                break
            end += len(line)
        return end

    def add(self, batch: int, results: list[dict[str, Any]]) -> None:
        """Records the results of a batch."""
        start = self._end
        self._write({"batch": batch, "results": results})
        self.finished.note(batch, start, self._end - start)

    def _write(self, entry: dict[str, Any]) -> None:
        line = memoryview(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        size = len(line)
        with write_errors_told(self.path):
            while line:  # without the buffer, which would retry what did not fit
                line = line[os.write(self.file.fileno(), line) :]
            os.fsync(self.file.fileno())
        self._end += size

    def remove(self) -> None:
        """Removes the file, when its results are stored elsewhere or not needed."""
        with write_errors_told(self.path):
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file and releases its lock."""
        self.file.close()


def _entry(line: bytes) -> dict[str, Any] | None:
    """The object in a complete line; None if it is damaged."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
