"""A corrector behind HTTP: requests that come at the same time are corrected as one batch.

``scripts/serve.py`` starts it. :mod:`.batching` brings texts to the model and back, :mod:`.requests` takes no
nonsense from clients, :mod:`.app` has the addresses, :mod:`.metrics` counts, and :mod:`.server` listens and stops.

Importing it raises a :class:`~fairseq_asr_correct.errors.UserError` where the packages for it are missing.
"""

from fairseq_asr_correct.errors import UserError

try:
    import fastapi  # noqa: F401
    import prometheus_client  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as missing:
    raise UserError(f'the service needs {missing.name}: pip install "fairseq-asr-correct[serve]"') from None
