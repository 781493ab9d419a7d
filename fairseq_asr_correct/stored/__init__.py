"""Files as strangers may have made them: read within bounds, compared with what they say, and unable to run anything.

It imports ``errors`` and ``mends``.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
