"""Simulated recognition errors: learned from a recognizer's output, and made in plain text.

==================  ======================================================================
``events``          what each reference word, and each of its letters, became
``confusions``      the learned counts, as a file that is safe to share
``learn``           counts errors in pairs of reference and hypothesis
``rates``           how likely each word is to be wrong
``sentences``       how much sentences differ, and how errors come in bursts
``letters``         misspells a word, edit by edit
``pronunciations``  how words sound
``neighbours``      finds words and phrases that sound like others
``sound_alikes``    these, as a file, and draws from them
``apply``           makes errors in a sentence; finds the scale for a word error rate
``statistics``      describes errors, to compare simulated with real ones
``telling_apart``   how well classifiers tell simulated from real errors
``recall``          how often a real wrong form is among simulated ones
``texts``           reads pairs and plain text
==================  ======================================================================
"""
