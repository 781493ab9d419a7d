"""A stored model's settings and weights: what a file claims is checked, and no code in it runs.

It imports ``folders``, ``mends`` and what is below them.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
