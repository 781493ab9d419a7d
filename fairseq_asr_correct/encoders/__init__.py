"""Subword encoders for --bpe. It imports ``models``, and ``transcripts`` to read a vocabulary."""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
