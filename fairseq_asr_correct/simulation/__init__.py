"""Recognition errors on demand: learned from a recognizer's output, made in plain text.

===============  ======================================================================
``events``       what became of each reference word, and of its letters
``confusions``   what was learned, as a file that anyone may read and send on
``learn``        counts it from pairs of reference and hypothesis
``rates``        how likely each word is to be wrong
``sentences``    how unlike sentences are, and how errors come in bursts
``letters``      misspells a word, edit by edit
``apply``        makes errors in a sentence; finds the scale that gives a word error rate
``statistics``   what errors look like, to compare made ones with real ones
``texts``        reads manifests and plain text
===============  ======================================================================
"""
