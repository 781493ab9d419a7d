"""The Python API: the corrector, its corrections, and the parts of long texts.

It imports ``formats``, ``decoding`` and what is below them.
"""
