"""From what recognizers wrote, in any of their formats, to clean bad/good pairs."""
