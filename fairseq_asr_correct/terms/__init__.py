"""Words that a user cares about: the list, what in a text could be one of them, and whether it is.

``term``  one entry and its normal form
``term_list``  many of them, from a file or a program, with what is to be said of them
``frequencies``  how common words are in general English

It imports ``errors`` and ``transcripts``: no fairseq, no torch.
"""
