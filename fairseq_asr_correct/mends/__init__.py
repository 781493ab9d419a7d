"""Mends fairseq so that it works with today's libraries and loses no data: one module per concern.

It imports ``errors`` and ``files``; :mod:`fairseq_asr_correct.plugin` applies it.
"""
