"""Correctors that CTranslate2 runs: writing, reading, and decoding in place of fairseq's model and search."""
