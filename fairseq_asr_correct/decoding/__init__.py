"""Decoding: search options, input-guided search, and keep-or-correct.

It imports ``models``, ``encoders``, ``choice`` and ``english``.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
