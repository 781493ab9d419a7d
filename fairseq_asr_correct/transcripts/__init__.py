"""Reads transcripts in all formats of :mod:`.file_formats`, the same way for every command.

It imports only ``errors`` and ``files``: no fairseq, no torch.
"""
