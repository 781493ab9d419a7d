"""What recognizers and people wrote, in any of the formats of :mod:`.file_formats`, read one way by every command.

It imports ``errors`` and ``files`` alone: no fairseq, no torch.
"""
