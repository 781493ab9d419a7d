"""What correction fixed and what it broke: reading, alignment, numbers, tables, a page. It imports ``transcripts``."""
