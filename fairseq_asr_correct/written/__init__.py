"""Text as people and recognizers write it: words between marks, with capitals. It imports no other room.

``marks``         a word's core and the marks around it; tags
``cores``         the words of a text: what a model reads of each, and which are never changed
``capitals``      a word in the case of another
``styles``        what the words of a text have in common
``pairing``       which words of a changed stretch become which
``putting_back``  changes of what a model reads, as changes of the text as it is written
"""
