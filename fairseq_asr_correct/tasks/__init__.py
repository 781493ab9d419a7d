"""Tasks for --task. It imports ``decoding`` and ``evaluation``."""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
