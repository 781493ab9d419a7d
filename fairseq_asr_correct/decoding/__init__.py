"""From a model to what it writes: search, input-guided search, and the choice to keep or to correct.

It imports ``models`` and ``encoders``.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
