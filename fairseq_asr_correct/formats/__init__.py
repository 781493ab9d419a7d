"""Correctors on disk: checkpoints, our own folders, CTranslate2's and Hugging Face's.

It imports ``tasks``, ``models``, ``decoding``, ``stored`` and what is below them.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (any part of the plugin loads all of it)
