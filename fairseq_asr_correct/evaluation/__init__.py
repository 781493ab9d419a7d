"""What correction fixed and what it broke: reading -> alignment -> measure, with bootstrap -> text and page."""
