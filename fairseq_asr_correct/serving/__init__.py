"""A corrector behind HTTP: requests that come at the same time are corrected in one batch.

``asr-correct serve`` starts it. :mod:`.app` has the addresses, :mod:`.requests` reads what clients send,
:mod:`.refusals` says what is refused, :mod:`.lists_of_terms` and :mod:`.requested_terms` have their terms,
:mod:`.loaded_domains` has the correctors of domains, :mod:`.queueing` and :mod:`.batching` bring texts to the model and
back, :mod:`.metrics` counts, and :mod:`.server` listens and stops.

Importing it raises :class:`~fairseq_asr_correct.errors.UserError` if packages are missing.
"""

from fairseq_asr_correct.errors import UserError

try:
    import fastapi  # noqa: F401
    import prometheus_client  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as missing:
    raise UserError(f"the service needs {missing.name}: pip install fastapi uvicorn prometheus-client") from None
