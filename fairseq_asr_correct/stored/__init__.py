"""Files that may come from strangers: reading has limits, their claims are checked, and no code in them runs.

It imports ``errors`` and ``mends``.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
