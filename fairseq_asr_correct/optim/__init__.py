"""Optimizers. It imports ``errors`` alone."""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
