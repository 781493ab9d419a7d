"""The service's addresses: POST /correct, GET /health, GET /metrics, and a page to try it by hand."""

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from fairseq_asr_correct.corrector.finish import PLAIN, Finish
from fairseq_asr_correct.corrector.parts import Part, join
from fairseq_asr_correct.serving.batching import Batcher, CorrectionFailed, Stopping
from fairseq_asr_correct.serving.lists_of_terms import NO_LISTS, Lists
from fairseq_asr_correct.serving.loaded_domains import Domains, LoadingFailed
from fairseq_asr_correct.serving.metrics import Metrics
from fairseq_asr_correct.serving.queueing import QueueFull
from fairseq_asr_correct.serving.refusals import Limits, Refusal
from fairseq_asr_correct.serving.requested_terms import term_edits, with_model, with_terms
from fairseq_asr_correct.serving.requests import finished, read, unless_gone
from fairseq_asr_correct.version import __version__

logger = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page.html")
HANGS = 60  # seconds; no batch takes as long
GONE = 499  # nginx's status for a client that did not wait; nobody receives it
ADDRESSES = {404: "there is nothing at this address", 405: "this address does not take that method"}
FAULT = "the service failed; its log has the details"


def make_app(
    batcher: Batcher,
    cut: Callable[[str], list[Part]],
    metrics: Metrics,
    limits: Limits,
    model: str,
    allowed_hosts: Sequence[str] = ("*",),
    finish: Finish = PLAIN,
    lists: Lists = NO_LISTS,
    domains: Domains | None = None,
) -> FastAPI:
    """The service.

    Args:
        batcher: corrects texts.
        cut: gives the parts of a text.
        metrics: the service's counts.
        limits: for one request.
        model: the model's name, for GET /health/ready.
        allowed_hosts: hosts that requests may name; "*.example.com" stands for all below example.com.
        finish: what is done to all texts in the end; its spellings hold after those of a request.
        lists: terms that requests can name.
        domains: that requests can name (default: none).
    """
    app = FastAPI(openapi_url=None)  # FastAPI's own pages load scripts from elsewhere
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts, www_redirect=False)
    metrics.queue.set_function(lambda: batcher.waiting)
    domains = domains or Domains()
    metrics.domains.set_function(lambda: domains.loaded)
    page, policy = read_page()
    readable = {"methods": ["GET", "HEAD"]}

    @app.post("/correct")
    async def correct(request: Request) -> Response:
        with metrics.seconds.time():
            response = await answer(request, batcher, cut, metrics, limits, finish, lists, domains)
        metrics.requests.labels(response.status_code).inc()
        return response

    @app.api_route("/health", **readable)
    @app.api_route("/health/ready", **readable)
    async def ready() -> Response:
        if batcher.stopping or not batcher.alive:
            return refused(503, "the service is stopping")
        if batcher.busy > HANGS:
            return refused(503, f"the model has worked on one batch for more than {HANGS} seconds")
        named = {"domains": sorted(domains.names)} if domains.names else {}
        return JSONResponse({"status": "ok", "model": model, **named, "version": __version__})

    @app.api_route("/health/live", **readable)
    async def live() -> Response:
        return JSONResponse({"status": "ok"}) if batcher.alive else refused(503, "the service has ended: restart it")

    @app.api_route("/metrics", **readable)
    async def counted() -> Response:
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.api_route("/", **readable)
    async def by_hand() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @app.exception_handler(HTTPException)
    async def no_such_address(request: Request, error: HTTPException) -> Response:
        sentence = ADDRESSES.get(error.status_code, "this request cannot be served")
        return refused(error.status_code, f"{sentence}: POST to /correct", error.headers)

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        return refused(500, FAULT)

    return app


async def answer(
    request: Request,
    batcher: Batcher,
    cut: Callable[[str], list[Part]],
    metrics: Metrics,
    limits: Limits,
    finish: Finish,
    lists: Lists,
    domains: Domains,
) -> Response:
    """The response with the corrected texts, or with an error."""
    try:
        asked = await read(request, limits, cut, lists, domains.names)
        if batcher.stopping:
            raise Stopping  # before a domain is loaded for it
        async with domains.borrowed(request, asked.domain) as domain:
            if domain and asked.terms is None:
                asked = asked._replace(terms=domain.terms)
            asked, choices = await with_terms(request, asked, limits, cut)
            parts = [part for layout in asked.layouts for part in layout]
            client = request.client.host if request.client else ""
            corrected = iter(await unless_gone(request, batcher.submit(parts, client, domain and domain.correct)))
        pairs = zip(asked.texts, asked.layouts, strict=True)
        texts = [join(list(islice(corrected, len(layout))), text) for text, layout in pairs]
        fixed = finish.with_spellings(asked.spellings.over(finish.spellings))
        if asked.terms is None:
            corrections, more, texts = [], {}, await finished(request, texts, fixed)
        else:
            corrections = await with_model(request, choices, texts, fixed)
            more, texts = term_edits(asked, corrections), [one.after for one in corrections]
    except Refusal as refusal:
        return refused(refusal.status, str(refusal), refusal.headers)
    except QueueFull:
        return refused(503, "too many texts are waiting: try again later", {"Retry-After": "1"})
    except Stopping:
        return refused(503, "the service is stopping: try again later", {"Retry-After": "5", "Connection": "close"})
    except LoadingFailed as failed:
        return refused(500, f"the domain {failed} cannot be loaded; the service's log has the details")
    except CorrectionFailed:
        return refused(500, "the model failed on a text of this request; the service's log has the details")
    except ClientDisconnect:
        return Response(status_code=GONE)
    except Exception:
        logger.exception("a request failed")
        return refused(500, FAULT)
    metrics.texts.inc(len(asked.texts))
    metrics.words.inc(asked.words)
    if asked.domain is not None:
        metrics.domain_texts.labels(asked.domain).inc(len(asked.texts))
    metrics.term_edits.inc(sum(edit.term is not None for one in corrections for edit in one.edits))
    return JSONResponse(({"texts": texts} if asked.several else {"text": texts[0]}) | more)


def refused(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """A response that says in one sentence what is wrong."""
    return JSONResponse({"error": sentence}, status, dict(headers or {}))


def read_page() -> tuple[str, str]:
    """The page, and a policy that lets browsers only run its own script and call this service."""
    page = PAGE.read_text(encoding="utf-8")
    script = re.search("<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = ["default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'", "connect-src 'self'"]
    return page, "; ".join([*rules, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
