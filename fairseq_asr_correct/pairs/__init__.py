"""Clean bad/good pairs: normalized, filtered, counted and written. It imports ``transcripts``."""
