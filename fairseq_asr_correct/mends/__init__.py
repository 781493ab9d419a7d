"""What fairseq needs mended before it works with today's libraries and loses nothing: a module a concern.

It imports ``errors`` and ``files``; :mod:`fairseq_asr_correct.plugin` applies it.
"""
