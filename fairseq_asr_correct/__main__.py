"""``asr-correct VERB``: finds the verb's module and runs it; other verbs' modules are not loaded."""

import difflib
import importlib
import importlib.util
import sys

from fairseq_asr_correct.commands import VERBS
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.version import __version__

USAGE = """usage: asr-correct VERB ...

{verbs}

asr-correct VERB --help shows the flags of a verb; asr-correct --version prints the version."""


def main(argv: list[str] | None = None) -> None:
    """The command."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "help"):
        width = max(map(len, VERBS))
        verbs = "\n".join(f"  {verb:{width}}  {summary}" for verb, (_, summary) in VERBS.items())
        print(USAGE.format(verbs=verbs))
        sys.exit(0 if words else 2)
    if words[0] == "--version":
        print(f"asr-correct {__version__}")
        return
    verb = words[0]
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        advice = f"did you mean {near[0]}?" if near else "asr-correct --help lists them"
        print(f"asr-correct: there is no verb {verb!r}; {advice}", file=sys.stderr)
        sys.exit(2)
    try:
        importlib.import_module(f"fairseq_asr_correct.commands.{VERBS[verb][0]}").main(words[1:])
    except ModuleNotFoundError as error:
        if all(map(importlib.util.find_spec, ("torch", "fairseq"))):
            raise
        raise UserError(
            f"asr-correct {verb} needs {error.name}, which the runtime alone lacks: pip install fairseq-asr-correct"
        ) from error


if __name__ == "__main__":
    main()
