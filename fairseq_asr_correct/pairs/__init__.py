"""Clean bad/good pairs: normalized, filtered, counted and written. It imports ``english`` and ``transcripts``."""
