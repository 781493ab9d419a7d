"""A record of finished batches that survives kill -9, so that no batch is done twice."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import write_errors_told
from fairseq_asr_correct.unfinished import to_disk


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
        self.path, self.finished = path, {}
        with write_errors_told(path):
            entries = list(self._entries())
            if not entries:
                self._write({"run": run})
                to_disk(path.parent)  # otherwise a power cut can lose the file's name, and so its contents
        if entries and entries[0].get("run") != json.loads(json.dumps(run)):
            self.file.close()
            raise UserError(f"{path} was begun with another manifest or other options: delete it to start again")
        for entry in entries[1:]:
            self.finished[entry["batch"]] = entry["results"]

    def _entries(self) -> Iterator[dict[str, Any]]:
        """The complete lines; whatever follows the last of them is cut off the file."""
        self.file.seek(0)
        good = 0
        for line in self.file:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                break
            good += len(line)
            yield entry
        self.file.truncate(good)
        self.file.seek(0, os.SEEK_END)

    def add(self, batch: int, results: list[dict[str, Any]]) -> None:
        """Records the results of a batch."""
        self._write({"batch": batch, "results": results})
        self.finished[batch] = results

    def _write(self, entry: dict[str, Any]) -> None:
        line = memoryview(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        with write_errors_told(self.path):
            while line:  # without the buffer, which would retry what did not fit
                line = line[os.write(self.file.fileno(), line) :]
            os.fsync(self.file.fileno())

    def remove(self) -> None:
        """Removes the file, when its results are stored elsewhere or not needed."""
        with write_errors_told(self.path):
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file and releases its lock."""
        self.file.close()
