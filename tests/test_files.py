"""Files and folders appear whole or not at all, whatever happens while they are written."""

import errno
import fcntl
import json
import mmap
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from conftest import files_at_most
from faults import Platter, before_each_step, count_steps, failing_from, killed_before
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, finished_file, finished_together, is_free, make_folder
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.unfinished import ENDING
from fairseq_asr_correct.work.journal import Journal

OLD, NEW = b"old\n" * 20, b"new\n" * 2000
Contents = dict[str, bytes | None]


class OneFile:
    """A file takes the place of another."""

    before: Contents = {"out": OLD}
    after: Contents = {"out": NEW}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, content in self.before.items():
            make_folder((folder / name).parent)
            (folder / name).write_bytes(content)

    def work(self) -> None:
        with atomic_write(self.folder / "out") as file:
            file.write(NEW.decode())

    def check(self, files: Contents) -> None:
        """There is what was there before, or what shall be there after."""
        assert without_folders(files) in (self.before, self.after)


class NewFolder(OneFile):
    """A folder appears."""

    before: Contents = {}
    after: Contents = {"deep/out/one": OLD, "deep/out/two": NEW}

    def work(self) -> None:
        with finished_together(self.folder / "deep" / "out") as folder:
            (folder.parent / "scratch").write_bytes(NEW)
            with atomic_write(folder / "two") as file:
                file.write(NEW.decode())
            (folder / "one").write_bytes(OLD)

    def check(self, files: Contents) -> None:
        """The folder is not there, or all of it is."""
        assert without_folders(files) == (self.after if "deep/out/" in files else {})


class OldFolder(NewFolder):
    """A folder gets files, of which it has some already."""

    before: Contents = {"deep/out/mine": OLD, "deep/out/two": OLD}
    after: Contents = {"deep/out/mine": OLD, "deep/out/one": OLD, "deep/out/two": NEW}

    def check(self, files: Contents) -> None:
        """Some may be new and others old, and each is whole."""
        files = without_folders(files)
        assert files.keys() >= self.before.keys()
        for name, content in files.items():
            assert content in (self.before.get(name), self.after[name]) and content is not None


class Journalled(OneFile):
    """Two batches are done and kept in a journal; the output is made of them, and the journal goes."""

    before: Contents = {}
    after: Contents = {"out": b"[0, 1]\n"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.done = mmap.mmap(-1, 2)  # which batches were said to be kept: memory that a killed child shares

    def work(self) -> None:
        with closing(Journal(self.folder / "out.journal", {"model": 1})) as journal:
            for batch in (0, 1):
                if batch not in journal.finished:
                    journal.add(batch, [{"number": batch}])
                    self.done[batch] = True
            with atomic_write(self.folder / "out") as file:
                print([journal.finished[batch][0]["number"] for batch in (0, 1)], file=file)
            journal.remove()

    def check(self, files: Contents) -> None:
        """Each batch that was said to be kept is in the journal, or the output is there."""
        if files.get("out") != self.after["out"]:
            assert "out" not in files
            lines = (files.get("out.journal") or b"").splitlines(keepends=True)
            kept = {json.loads(line).get("batch") for line in lines if line.endswith(b"\n")}
            assert {batch for batch in (0, 1) if self.done[batch]} <= kept


def contents(folder: Path) -> Contents:
    """All files but unfinished ones, and folders, whose names end in a slash."""
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if ENDING not in str(path)}
    return {f"{name}/": b"" for name, path in paths.items() if path.is_dir()} | {
        name: path.read_bytes() for name, path in paths.items() if path.is_file()
    }


def without_folders(files: Contents) -> Contents:
    return {name: content for name, content in files.items() if not name.endswith("/")}


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(f"*{ENDING}*"))


@pytest.fixture(params=[OneFile, NewFolder, OldFolder, Journalled])
def writers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], OneFile]]:
    """Makes writers of the same kind, each in a folder of its own."""
    numbers = iter(range(1000))

    def make() -> OneFile:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return request.param(folder)

    return make


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)


def test_killed_at_any_step(writers: Callable[[], OneFile]) -> None:
    """Nothing that was there is lost, nothing is half-written, and the next run leaves nothing behind."""
    steps, left = count_steps(writers().work), 0
    for number in range(1, steps + 1):
        writer = writers()
        killed_before(number, writer.work)
        writer.check(contents(writer.folder))
        left += len(unfinished(writer.folder))
        writer.work()
        assert without_folders(contents(writer.folder)) == writer.after
        assert not unfinished(writer.folder)
    assert left, "some kills left something to clear"


ADVICE = {errno.ENOSPC: "make room", errno.EACCES: "change the permissions", errno.EROFS: "make it writable"}


@pytest.mark.parametrize("code", ADVICE)
def test_a_disk_that_fails_from_any_step_on(code: int, writers: Callable[[], OneFile]) -> None:
    """One sentence that names the output, and nothing lost; the same command goes on when the disk works again."""
    told = 0
    for number in range(1, count_steps(writers().work) + 1):
        writer = writers()
        with failing_from(number, code):
            try:
                writer.work()
            except UserError as error:
                name = str(error).removeprefix(str(writer.folder)).partition(":")[0]
                assert name in ("/out", "/deep/out", "/out.journal", "/deep")
                assert str(error).endswith(f": {os.strerror(code)}; {ADVICE[code]} and run the same command again")
                told += 1
            else:  # what failed was to clear up
                assert without_folders(contents(writer.folder)) == writer.after
        writer.check(contents(writer.folder))
        writer.work()
        assert without_folders(contents(writer.folder)) == writer.after
        assert not unfinished(writer.folder)
    assert told > 3


def test_power_is_cut_at_any_step(writers: Callable[[], OneFile]) -> None:
    """Whichever of the names that were not synced the disk has kept."""
    writer = writers()
    platter = Platter(writer.folder)
    for path in [*writer.folder.rglob("*"), writer.folder]:
        with platter.recording():
            os.fsync(file := os.open(path, os.O_RDONLY))
        os.close(file)

    def cut(step: int, what: object) -> None:
        for added, removed in ((False, False), (False, True), (True, False), (True, True)):
            files = platter.after_a_cut(added, removed)
            writer.check({name: content for name, content in files.items() if ENDING not in name})

    with platter.recording(), before_each_step(cut):
        writer.work()
    assert without_folders(platter.after_a_cut(added=False, removed=True)) == writer.after


def test_another_process_that_still_writes_is_left_alone(tmp_path: Path) -> None:
    with finished_file(tmp_path / "out") as first, finished_together(tmp_path / "folder") as folder:
        (folder / "file").touch()
        with atomic_write(tmp_path / "out") as file, finished_together(tmp_path / "folder") as other:
            file.write("second")
            (other / "other").touch()
        assert first.exists() and (folder / "file").exists()
        first.write_text("first")
    assert (tmp_path / "out").read_text() == "first", "the last to finish"
    assert sorted(without_folders(contents(tmp_path))) == ["folder/file", "folder/other", "out"]
    assert not unfinished(tmp_path)


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows there who still writes, and nothing is cleared."""

    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / f".out.0123{ENDING}").touch()
    with atomic_write(tmp_path / "out") as file:
        file.write("new")
    assert (tmp_path / "out").read_text() == "new" and len(unfinished(tmp_path)) == 1


def test_somebody_clears_between_making_and_locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, taken = fcntl.flock, []

    def late(file: int, how: int) -> None:
        if len(taken) < 3:
            taken.append(file)
            unfinished(tmp_path)[0].unlink()
            if len(taken) < 2:
                raise BlockingIOError
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with atomic_write(tmp_path / "out") as file:
        file.write("new")
    assert len(taken) == 3 and (tmp_path / "out").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_what_was_left_in_a_folder_does_not_fill_it(tmp_path: Path) -> None:
    left = tmp_path / "out" / f".out.0123{ENDING}"
    (left / "out").mkdir(parents=True)
    assert is_free(tmp_path / "out") and not left.exists()
    (tmp_path / "out" / "mine").touch()
    assert not is_free(tmp_path / "out") and is_free(tmp_path / "none")


def test_modes_are_what_the_umask_leaves_and_nobody_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the process's: another thread's files would be everybody's meanwhile."""
    old = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("os.umask"))
            for writer in (OneFile(tmp_path), NewFolder(tmp_path)):
                writer.work()
    finally:
        os.umask(old)
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    files = dict.fromkeys(("out", "deep/out/one", "deep/out/two"), 0o640)
    assert modes == files | {"deep": 0o750, "deep/out": 0o750}


@pytest.mark.parametrize("letter", ["n", "ñ", "\U0001f600"])
def test_names_as_long_as_names_may_be(letter: str, tmp_path: Path) -> None:
    name = letter * (255 // len(letter.encode()))
    with atomic_write(tmp_path / name) as file:
        file.write("x")
    with finished_together(tmp_path / (name[:-1] + "f")) as folder:
        (folder / "x").touch()
    assert len(list(tmp_path.iterdir())) == 2


def test_full_disks(tmp_path: Path) -> None:
    full, out = "/dev/full", tmp_path / "out"
    with pytest.raises(UserError, match=r"^/dev/full: No space left on device; make room"), atomic_write(full) as f:
        f.write("x")
    for code, advice in ((errno.EDQUOT, "make room"), (errno.EPERM, "change the permissions")):
        with pytest.raises(UserError, match=advice), atomic_write(out) as f:
            raise OSError(code, os.strerror(code))
    with pytest.raises(UserError, match=r"out: File too large; make room"), files_at_most(100), atomic_write(out) as f:
        f.write("x" * 101)
    assert not list(tmp_path.iterdir())


@contextmanager
def not_as_root() -> Iterator[None]:
    """Root may write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_that_may_not_be_written_to() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which is its owner's alone
        os.chmod(folder, 0o555)
        with (
            not_as_root(),
            pytest.raises(UserError, match=rf"^{folder}/out: Permission denied; change the permissions"),
        ):
            OneFile.work(Namespace(folder=Path(folder)))
        with (
            not_as_root(),
            pytest.raises(UserError, match=rf"^{folder}/deep: Permission denied; change the permissions"),
        ):
            NewFolder(Path(folder)).work()
        assert not os.listdir(folder)
        os.chmod(folder, 0o755)


def test_what_else_cannot_be_read_is_named_itself(tmp_path: Path) -> None:
    missing = PermissionError(errno.EACCES, "Permission denied", "/data/in")
    with pytest.raises(UserError, match=r"^/data/in: Permission denied"), atomic_write(tmp_path / "out"):
        raise missing
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out"):
        raise FileNotFoundError(errno.ENOENT, "other errors are others")


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "file/deep"):
        with pytest.raises(UserError, match=f"{name} cannot be made: .*; name another folder"):
            make_folder(tmp_path / name)
    assert make_folder(tmp_path / "a" / "b").is_dir() and make_folder(tmp_path / "a" / "b").is_dir()


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_lines_come_back(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text")
        with atomic_write(path) as file:
            for line in lines:
                print(line, file=file)
        assert list(read_lines(path)) == lines


def test_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb\r\n\r\nc")
    assert list(read_lines(tmp_path / "text")) == ["a", "b", "", "c"]


def test_pipes_and_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with atomic_write(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"
    with atomic_write("/dev/null") as file:
        file.write("gone")
    assert Path("/dev/null").is_char_device()


def test_no_folder_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"), atomic_write(tmp_path / "none" / "text"):
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("old")
    with pytest.raises(UserError), atomic_write(tmp_path / "text") as file:
        print("new", file=file)
        raise UserError("stop")
    assert (tmp_path / "text").read_text() == "old" and len(list(tmp_path.iterdir())) == 1
