"""What correction fixed and what it broke: reading, alignment, numbers, tables and a page. It imports ``transcripts``."""
