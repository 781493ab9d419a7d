"""The Python API: a corrector, what it says of its corrections, and the parts of long texts.

It imports ``formats``, ``decoding`` and what is below them.
"""
