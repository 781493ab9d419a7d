"""Architectures, and the way from BERT's weights into them. It imports ``stored`` and what is below it."""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
