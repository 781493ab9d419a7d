"""Decoding in fairseq: input-guided search, and keep-or-correct. It imports ``models``, ``tokens`` and ``choice``."""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
