"""What a domain changes in a corrector, stored small: several domains share one base.

``factors``        a matrix as a sum of products of two vectors, in 3 bits
``difference``     what makes one model of another, as tensors
``domain_folder``  a domain's folder: written, read with the doubts that strangers' files get, and applied to its base

It imports ``runtime``, ``folders`` and ``errors``, and loads neither torch nor fairseq.
"""
