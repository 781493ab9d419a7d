"""A record of finished batches that survives kill -9: what is in it is never done again."""

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
    """JSON lines, each written whole before the next batch is taken up; a torn last line is cut off.

    Args:
        path: the file; made if it is not there.
        run: what the work depends on; a journal of other work is refused.

    Raises:
        UserError: the journal is of another run, is being written by another process, or cannot be made.
    """

    def __init__(self, path: Path, run: dict[str, Any]) -> None:
        try:
            with write_errors_told(path):
                self.file = open(path, "a+b")  # noqa: SIM115  (closed by close)
            # Not flock, which worker processes would inherit and hold on to when this one is killed.
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
                to_disk(path.parent)  # its name: a power cut would take that, and all that will be in the file
        if entries and entries[0].get("run") != json.loads(json.dumps(run)):
            self.file.close()
            raise UserError(f"{path} was begun with another manifest or other options: delete it to start anew")
        for entry in entries[1:]:
            self.finished[entry["batch"]] = entry["results"]

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Whole lines; what follows the last whole one is cut off the file."""
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
        """Keeps the results of a batch."""
        self._write({"batch": batch, "results": results})
        self.finished[batch] = results

    def _write(self, entry: dict[str, Any]) -> None:
        line = memoryview(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        with write_errors_told(self.path):
            while line:  # past the buffer, which would try to write again what did not fit
                line = line[os.write(self.file.fileno(), line) :]
            os.fsync(self.file.fileno())

    def remove(self) -> None:
        """Removes the file: what it holds is on the disk elsewhere, or not worth keeping."""
        with write_errors_told(self.path):
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets others write."""
        self.file.close()
