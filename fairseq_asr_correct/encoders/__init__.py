"""Subword encoders for --bpe. It imports ``models``, and ``transcripts`` to read a vocabulary."""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
