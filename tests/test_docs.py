"""The documentation is true: its commands exist and take the flags it gives them, and its links lead somewhere."""

import argparse
import contextlib
import importlib
import io
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import ROOT, USER_DIR
from fairseq import options

from fairseq_asr_correct.commands import VERBS

GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CARDS = sorted((ROOT / "models").glob("*/README.md")) + sorted((ROOT / "examples").glob("*/README.md"))
RECORDS = sorted((ROOT / "docs/results").glob("*.md"))  # commands as they were run, under the names of that time
PAGES = [*GUIDES, *RECORDS, *CARDS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
SCRIPTS = [ROOT / name for name in ("scripts", "preprocess", "benchmarks")]
NAMED = re.compile(r"(?<![\w/.-])(asr-correct|fairseq-\w+|make|(python|sbatch|bash) \w+/|scripts/|examples/)")
FAIRSEQ = {
    "fairseq-train": options.get_training_parser,
    "fairseq-generate": options.get_generation_parser,
    "fairseq-interactive": options.get_interactive_generation_parser,
}
Words = list[str]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


# Reading pages


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The code of a page: fenced blocks of these languages, and with "" indented ones as well."""
    text = page.read_text(encoding="utf-8")
    for language, code in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield code
    if "" in languages:
        bare = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for code in re.findall(r"(?:^|\n\n)((?:    .*\n?)+)", bare):
            yield textwrap.dedent(code)


def commands(page: Path) -> Iterator[Words]:
    """All commands in the blocks of a page, words as the shell sees them."""
    for code in blocks(page, "bash", "sh", ""):
        for line in code.replace("\\\n", " ").splitlines():
            if NAMED.search(line):
                yield from split(line)


def split(line: str) -> Iterator[Words]:
    """The commands of a line: what stands between pipes and the like, without redirections and variables."""
    line = line.replace("$(asr-correct user-dir)", USER_DIR)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words: Words = []
    skip = False
    for word in [*lexer, ";"]:
        if word[0] in "<>":
            skip = True
        elif word[0] in "|;&":
            while words and (re.match(r"[A-Z_]+=", words[0]) or words[0] in ("do", "then")):
                words = words[1:]
            if words:
                yield words
            words = []
        elif skip:
            skip = False
        else:
            words.append(word)


def mentions(page: Path) -> Iterator[Words]:
    """The commands of ours that stand in sentences and tables."""
    bare = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`(asr-correct [^`]+)`", bare):
        words = " ".join(code.split()).split()
        if not words[1].startswith("-") and words[1] != "VERB":
            yield words


# Checking commands


def check(words: Words, places: dict[str, str]) -> None:
    """Fails if a command cannot be given so."""
    words = ["1" if word.startswith("$") else places.get(word, word) for word in words]
    if words[0] == "asr-correct":
        check_ours(words[1:])
    elif words[0] == "fairseq-preprocess":
        accepted(options.get_preprocessing_parser().parse_args, words[1:])
    elif words[0] in FAIRSEQ:
        argv = [word for word in words[1:] if word not in ("...", "--help")]
        accepted(lambda argv: options.parse_args_and_arch(FAIRSEQ[words[0]](), argv), argv)
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [word for word in words[1:] if "=" not in word and word not in targets] == []
    elif words[0] in ("python", "bash", "sbatch") and "/" in words[1]:
        check_file(words[1])
    elif words[0].startswith(("scripts/", "examples/")):
        check_file(words[0])


def check_file(name: str) -> None:
    """A script, which may have moved since it was run."""
    assert (ROOT / name).is_file() or any((folder / Path(name).name).is_file() for folder in SCRIPTS), name


def check_ours(words: Words) -> None:
    """A verb with its flags, and its arguments unless dots stand for some of them."""
    kind = words[words.index("--to") + 1 :][:1] if words[0] == "export" and "--to" in words else []
    kind += ["--path"] if words[0] == "tune" and "--path" in words else []
    parser = parser_of(words[0], *kind)
    flags = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
    others = flags_of(parser_of("correct")) if words[0] == "distill" else ()  # hands these on
    assert flags <= {*flags_of(parser), *others}, words
    if "..." not in words and "--help" not in words:
        known = accepted(parser.parse_known_args, words[1:])
        assert words[0] in ("tune", "distill") or not known[1], (
            f"{words}: {known[1]}"
        )  # fairseq reads the data's place later


def parser_of(verb: str, *kind: str) -> argparse.ArgumentParser:
    from fairseq_asr_correct.commands import VERBS

    assert verb in VERBS, f"there is no asr-correct {verb}"
    name, _ = VERBS[verb]
    return importlib.import_module(name if "." in name else f"fairseq_asr_correct.commands.{name}").make_parser(*kind)


def flags_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from flags_of(below)


def accepted(parse: Callable, argv: Words) -> object:
    """What a parser makes of the words; an AssertionError with its message if it refuses them."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse(argv)
    except SystemExit as error:
        raise AssertionError(f"{argv}: {(said.getvalue() or str(error)).splitlines()[-1]}") from None


@pytest.fixture(scope="module")
def places(bert_init: Path) -> dict[str, str]:
    """What stands for the folders that the pages name, where a parser looks into them."""
    return {"bert_init": str(bert_init)}


# The tests


@pytest.mark.parametrize("page", [*GUIDES, *CARDS], ids=name_of)
def test_commands_of_guides(page: Path, places: dict[str, str]) -> None:
    for words in commands(page):
        old = words[0] == "python" and words[1].startswith(("scripts/", "preprocess/"))
        assert not old, f"{words}: guides have the verbs of asr-correct"
        check(words, places)
    for words in mentions(page):
        missing = {word for word in words if word.startswith("--")} - set(flags_of(parser_of(words[1])))
        assert not missing, words


@pytest.mark.parametrize("page", RECORDS, ids=name_of)
def test_commands_of_records(page: Path, places: dict[str, str]) -> None:
    for words in commands(page):
        check(words, places)


@pytest.mark.parametrize(
    "line",
    [
        "asr-correct nonsense",
        "echo a | asr-correct correct --nonsense 1",
        "fairseq-train data-bin --arch bert_transformer --nonsense 1",
        "fairseq-generate data-bin --scoring nonsense",
        "fairseq-preprocess --nonsense",
        "make nonsense",
        "scripts/nonsense.sh data-bin",
        "python scripts/nonsense.py",
    ],
)
def test_wrong_commands_are_found(line: str, places: dict[str, str]) -> None:
    with pytest.raises(AssertionError):
        for words in split(line):
            check(words, places)


def test_every_verb_is_described() -> None:
    from fairseq_asr_correct.commands import VERBS

    text = "\n".join(page.read_text() for page in GUIDES)
    assert [verb for verb in VERBS if f"asr-correct {verb}" not in text] == []


@each_page
def test_links(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(\s*([^)\s]+)\s*\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
        if ROOT / "docs" in page.parents:
            assert ROOT / "docs" in target.parents, f"{link} is no page of the site"


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_site() -> None:
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert named == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}


@each_page
def test_python_can_be_read(page: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, name_of(page), "exec")


def test_examples_in_help_stand_out() -> None:
    """They are indented, as in the help of every verb."""
    for module, _ in VERBS.values():
        text = importlib.import_module(f"fairseq_asr_correct.commands.{module}").__doc__ or ""
        assert not re.search(r"^asr-correct ", text, re.MULTILINE), module
