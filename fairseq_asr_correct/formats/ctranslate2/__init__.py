"""Correctors that CTranslate2 runs: written, read, and put in the place of fairseq's model and search."""
