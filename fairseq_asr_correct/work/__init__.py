"""Work in several processes or on Ray, and a record of what is done. It imports ``errors`` and ``files``."""
