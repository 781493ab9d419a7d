"""Correctors on a disk: checkpoints, our own folders, CTranslate2's and Hugging Face's.

It imports ``tasks``, ``models``, ``decoding``, ``stored`` and what is below them.
"""

from fairseq_asr_correct import plugin  # noqa: F401  (whoever imports a part of the plugin has all of it)
