"""What the stages of a recipe have in common: the recipe, where its data is, and where outputs go."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import make_folder
from fairseq_asr_correct.recipes.drawn_text import Part
from fairseq_asr_correct.recipes.recipe import PairsOf, Recipe, Source
from fairseq_asr_correct.recipes.stages import Workplace
from fairseq_asr_correct.recipes.verbs import Run, run_verb


@dataclass(frozen=True)
class Setup:
    """What the stages of a recipe have in common."""

    recipe: Recipe
    data: Path  #: the folder that the paths of sources start from
    place: Workplace
    workers: int = 1
    precision: str | None = None  #: of the training (default: the fastest here)
    run: Run = run_verb  #: runs a verb of ``asr-correct``

    @property
    def english(self) -> bool:
        """Whether texts must be English."""
        return self.recipe.language == "english"

    def log(self, name: str) -> Path:
        """Where the output of a stage's command goes."""
        return make_folder(self.place.folder / "logs") / f"{name}.log"

    def verb(self, log: str, *argv: object) -> Callable[[Path], None]:
        """Work that runs a verb, whose output is named by its last flag."""
        last = "--output" if argv[0] == "simulate" else "--save-to"
        return lambda output: self.run([*map(str, argv), last, str(output)], self.log(log))

    def located(self, name: str) -> str:
        """A source by its name, as commands take it, with its paths below the data folder."""
        parts = [part.rpartition(":") for part in self.recipe.sources[name].path.split(",")]
        return ",".join(f"{form}{colon}{self.data / path}" for form, colon, path in parts)

    def files_of(self, one: PairsOf) -> list[Path]:
        """The files that pairs come from."""
        return files_of(self.data, self.recipe.sources[one.source])

    def files_of_texts(self, names: Iterable[str]) -> list[Path]:
        """The files that texts come from."""
        sources = [self.recipe.sources[self.recipe.texts[name].source] for name in names]
        return [path for source in sources for path in files_of(self.data, source)]

    def part(self, name: str, lines: int, repeat: bool = True) -> Part:
        """So many lines of a text."""
        text = self.recipe.texts[name]
        return Part(self.located(text.source), lines, text.today, text.normalize, repeat)

    def seed(self, name: str) -> int:
        """A seed for an entry of ``errors``, another one for each, whatever their order."""
        return zlib.crc32(f"{self.recipe.seed} {name}".encode())


def files_of(data: Path, source: Source) -> list[Path]:
    """The files of a source, below a data folder."""
    return [data / part.rpartition(":")[2] for part in source.path.split(",")]


def check_sources(recipe: Recipe, data: Path) -> None:
    """Checks that all sources are there, before anything is done.

    Raises:
        UserError: one is not.
    """
    for name, source in recipe.sources.items():
        for path in files_of(data, source):
            if not path.is_file():
                raise UserError(f"{path} is not there, which the recipe calls {name}: name the folder with --data")
