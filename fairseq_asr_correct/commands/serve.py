"""Correct text over HTTP.

    asr-correct serve corrector --port 8080
    curl -d '{"text": "the boys hous is read"}' -H 'Content-Type: application/json' http://127.0.0.1:8080/correct

The answer is {"text": "..."}; {"texts": ["...", ...]} gets {"texts": ["...", ...]} in the same order. Requests that
come at the same time are corrected in one batch, and short ones go first. http://127.0.0.1:8080/ is a page to try it by
hand. GET /health/live and /health/ready say whether the server runs and is ready, and GET /metrics has counts for
Prometheus. A request that cannot be served gets {"error": "..."} with one sentence.

--spellings has replacements that hold for all requests. A request can bring more, which come first:
{"text": "the cap x is low", "spellings": {"CAPEX": ["cap x", "copics"]}}.

Each --terms NAME=FILE is a list of terms, such as names and products, that a request can name:
{"text": "the kitty wake is late", "terms": "birds"}. A request can also bring its own: "terms": ["Kittiwake"].

Each --domain NAME=DIR is a folder of `asr-correct export --to domain`, made with MODEL, that a request can name:
{"text": "a ship for the gull idea", "domain": "ferry"}. One is loaded when it is first named.

Anybody who can reach the port can use it: there is no password and no TLS, so put a proxy in front of it. On SIGTERM or
Ctrl+C the server answers the requests that it has, for at most --grace-seconds, and ends with exit status 0.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairseq_asr_correct.commands.arguments import (
    FIRST,
    add_choice,
    add_language_model,
    add_model,
    add_plain,
    add_spellings,
    choice_of,
    modern,
    new_parser,
    read_terms,
    warn,
    whole,
)
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.terms.spellings import Spellings

if TYPE_CHECKING:
    from fairseq_asr_correct import Corrector
    from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
    from fairseq_asr_correct.corrector.parts import Part
    from fairseq_asr_correct.serving.loaded_domains import Own
    from fairseq_asr_correct.serving.metrics import Metrics
    from fairseq_asr_correct.serving.queueing import Correct
    from fairseq_asr_correct.terms.term_list import TermList

FIRST_TEXT = "the first is slow"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = make_parser()
    args = parser.parse_args(modern(argv, {"--model": FIRST}))
    if args.max_pieces > args.max_queue:
        parser.error("--max-pieces is larger than --max-queue: a request of that size could never be served")
    args.model = args.model or shipped_model()
    # OpenMP's threads otherwise spin while they wait and take the cores from requests, which is five times as slow on a
    # busy machine. torch reads this variable when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from fairseq_asr_correct.serving.app import make_app
    from fairseq_asr_correct.serving.batching import Batcher
    from fairseq_asr_correct.serving.connections import most_connections
    from fairseq_asr_correct.serving.lists_of_terms import OWN
    from fairseq_asr_correct.serving.loaded_domains import Domains
    from fairseq_asr_correct.serving.metrics import Metrics
    from fairseq_asr_correct.serving.queueing import Queue
    from fairseq_asr_correct.serving.refusals import Limits
    from fairseq_asr_correct.serving.server import Server, address, bind, listen

    spellings = Spellings.read(args.spellings) if args.spellings else Spellings()
    lists = read_lists(args.terms)
    bound = bind(args.host, args.port)  # a port in use is reported before the model is read
    folders = read_domains(args)
    corrector, how = load(args)
    if corrector.terms:
        lists[OWN] = corrector.terms
        warn(args.model, corrector.terms)
    opinion = second_opinion(args, corrector) if args.language_model else None
    warm_up(corrector, how)  # also reports flags that the model does not support
    if opinion:
        opinion.correct([FIRST_TEXT], **how)  # whose search has a beam
    metrics = Metrics()
    domains = Domains(
        folders,
        lambda name: own(load(args, folders[name])[0], how, metrics),
        args.most_domains,
        lambda name: metrics.domain_loads.labels(name).inc(),
    )
    queue = Queue(args.max_batch, args.max_batch_pieces, args.max_queue)
    correct = what_corrects(corrector, how, metrics, opinion)
    batcher = Batcher(correct, queue, args.max_wait_ms / 1000, metrics.batch_size.observe)
    limits = Limits(args.max_body_bytes, args.max_texts, args.max_letters, args.max_pieces, args.max_terms)
    name = args.model.resolve().name
    app = make_app(
        batcher,
        corrector.cut,
        metrics,
        limits,
        name,
        args.allowed_host,
        corrector.finish.with_spellings(spellings),
        lists,
        domains,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)  # fairseq sets the root logger to INFO
    server = Server(app, batcher, most_connections(), args.grace_seconds, domains.close)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it has stopped
        signal.signal(number, server.handle_exit)
    listen(bound)
    print(f"{args.model} is served at {address(bound)}", flush=True)
    server.run(sockets=[bound])
    domains.close()
    if not batcher.close(1) or domains.busy:
        sys.stderr.flush()
        os._exit(0)  # nobody waits for the last batch or domain, and Python would abort or wait because of its thread


def read_lists(named: Sequence[tuple[str, Path]]) -> "dict[str, TermList]":
    """The lists of terms by their names, with their indexes made.

    Raises:
        UserError: two have the same name, one cannot be read, or a line in it is no term.
    """
    lists: dict[str, TermList] = {}
    for name, path in named:
        if name in lists:
            raise UserError(f"--terms {name}= is given twice: give each list its own name")
        lists[name] = terms = read_terms(path)
        terms.index  # noqa: B018  # made now, not in the first request
    return lists


def read_domains(args: argparse.Namespace) -> dict[str, Path]:
    """The folders of domains by their names, each of which fits the model and has terms that can be read.

    Raises:
        UserError: two have the same name, one is damaged or of another base, or there is a language model too.
    """
    folders: dict[str, Path] = {}
    for name, path in args.domains:
        from fairseq_asr_correct.corrector.backends import own_terms
        from fairseq_asr_correct.domains.domain_folder import Domain  # which loads NumPy

        if args.language_model:
            raise UserError("--language-model judges the changes of one model: leave --domain out")
        if name in folders:
            raise UserError(f"--domain {name}= is given twice: give each domain its own name")
        Domain.read(path).check(args.model)
        if terms := own_terms(args.model, path):
            warn(path, terms)
        folders[name] = path
    return folders


def what_corrects(
    corrector: "Corrector", how: dict[str, Any], metrics: "Metrics", opinion: "SecondOpinion | None" = None
) -> "Correct":
    """A function that corrects the parts of a batch."""

    def correct(parts: list["Part"]) -> list[str]:
        with metrics.batch_seconds.time():
            if opinion:
                return [one.after for one in opinion.correct([part.text for part in parts], **how)]
            return corrector.correct_parts(parts, **how)

    return correct


def own(corrector: "Corrector", how: dict[str, Any], metrics: "Metrics") -> "Own":
    """What a domain has of its own."""
    from fairseq_asr_correct.serving.loaded_domains import Own

    warm_up(corrector, how)
    return Own(what_corrects(corrector, how, metrics), corrector.terms)


def warm_up(corrector: "Corrector", how: dict[str, Any]) -> None:
    """Does what is slow the first time: a correction, which the metrics do not count, and the index of its terms."""
    corrector.correct_parts(corrector.cut(FIRST_TEXT), **how)
    if corrector.terms:
        corrector.terms.index  # noqa: B018


def load(args: argparse.Namespace, domain: Path | None = None) -> tuple["Corrector", dict[str, Any]]:
    """The corrector, perhaps of a domain, and the arguments for its calls, as the flags say.

    Raises:
        UserError: the model cannot be read, or does not support the flags.
    """
    from fairseq_asr_correct import Corrector

    made = {"device": args.device, "dtype": args.dtype, "longest": args.max_part, "plain": args.plain}
    made |= {"threads": args.threads, "domain": domain, **choice_of(args)}
    how = {"batch_size": args.max_batch, "beam": args.beam, "decoding": args.decoding}
    return Corrector.from_pretrained(args.model, **_given(made)), _given(how)


def second_opinion(args: argparse.Namespace, corrector: "Corrector") -> "SecondOpinion":
    """The language model on top of the corrector, as the flags say."""
    from fairseq_asr_correct.candidates.second_opinion import SecondOpinion

    if args.threads:
        import torch

        torch.set_num_threads(args.threads)  # for the language model, whatever the corrector runs on
    return SecondOpinion.of(corrector, args.language_model, args.model, args.device)


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given; the corrector has defaults for the others."""
    return {name: value for name, value in flags.items() if value is not None}


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("serve", __doc__)
    add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for other machines too (default: %(default)s)")
    parser.add_argument("--port", type=whole(0, 65535), default=8080, help="0 for any free port (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="such as cuda or cuda:1 (default: %(default)s)")
    parser.add_argument("--dtype", help="float32, float16 or bfloat16, in torch (default: as an exported folder is, "
        "on ONNX Runtime; float32 for others)")  # fmt: skip
    parser.add_argument("--threads", type=whole(1), metavar="N", help="CPU threads (default: one for each core)")
    parser.add_argument("--beam", type=whole(1), metavar="N", help="beam size (default: 4; 1 with input-guided)")
    parser.add_argument("--decoding", metavar="NAME", help="beam or input-guided (default: beam if --beam is "
        "above 1, and for a training's model; input-guided for an exported folder on the CPU)")  # fmt: skip
    parser.add_argument("--terms", action="append", type=named_file, default=[], metavar="NAME=FILE",
        help="a list of terms that requests can name; may be given several times")  # fmt: skip
    parser.add_argument("--domain", dest="domains", action="append", type=named_folder, default=[], metavar="NAME=DIR",
        help="a domain that requests can name; may be given several times")  # fmt: skip
    parser.add_argument("--most-domains", type=whole(1), default=4, metavar="N", help="how many domains stay loaded, "
        "each with a model of its own in memory (default: %(default)s)")  # fmt: skip
    add_language_model(parser)
    add_spellings(parser)
    add_plain(parser)
    add_choice(parser)
    parser.add_argument("--allowed-host", nargs="+", type=host, default=["*"], metavar="HOST",
        help="refuse requests for other hosts; *.example.com is all below example.com (default: any host)")  # fmt: skip
    batches = parser.add_argument_group("batches")
    limits = parser.add_argument_group("limits")
    for group, flag, low, default, text in (
        (batches, "--max-batch", 1, 32, "parts of texts in a batch"),
        (batches, "--max-batch-pieces", 1, 256, "word pieces in a batch, with padding; this bounds its time"),
        (batches, "--max-part", 1, 128, "word pieces in a part; a longer text is corrected in parts"),
        (batches, "--max-wait-ms", 0, 5, "milliseconds that a text waits for others to fill its batch"),
        (limits, "--max-body-bytes", 1, 400_000, "bytes in a request"),
        (limits, "--max-texts", 1, 1000, "texts in a request"),
        (limits, "--max-letters", 1, 50_000, "letters in a request"),
        (limits, "--max-pieces", 1, 5000, "word pieces in a request"),
        (limits, "--max-terms", 0, 1000, "terms in a request"),
        (limits, "--max-queue", 1, 50_000, "word pieces that may wait; beyond, the longest requests get status 503"),
        (limits, "--grace-seconds", 0, 7, "seconds to answer pending requests after a signal"),
    ):
        group.add_argument(flag, type=whole(low), default=default, metavar="N", help=f"{text} (default: {default})")
    return parser


def host(value: str) -> str:
    """Reads a host's name, or ``*.`` and a name for all hosts below it."""
    if "*" in value.removeprefix("*.") or not value:
        raise argparse.ArgumentTypeError(
            f"{value} is not a host such as example.com, nor a pattern such as *.example.com"
        )
    return value


def named_file(value: str, kind: str = "file") -> tuple[str, Path]:
    """Reads a name and a file."""
    name, _, path = value.partition("=")
    if not (name and path):
        raise argparse.ArgumentTypeError(f"{value} is not a name and a {kind}: write NAME={kind.upper()}")
    return name, Path(path)


def named_folder(value: str) -> tuple[str, Path]:
    """Reads a name and a folder."""
    return named_file(value, "folder")
