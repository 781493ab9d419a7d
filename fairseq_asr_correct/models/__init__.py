"""Architectures, and how they start from BERT's weights. It imports ``stored`` and what is below it."""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
