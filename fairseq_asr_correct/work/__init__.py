"""Work in several processes or on Ray, the cores for it, and a record of what is done.

It imports ``errors`` and ``files``.
"""
