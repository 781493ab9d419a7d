"""Optimizers. It imports ``errors`` alone."""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
