"""Measures what correction fixed and broke: reading, alignment, numbers, a report.

It imports ``transcripts``, ``terms`` and ``english``.
"""
