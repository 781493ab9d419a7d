"""Words that a user cares about: the list, what in a text could be one of them, and whether it is.

``term``          one entry, and the form in which texts and terms are compared
``term_list``     many of them, from a file or a program, with what is to be said of them
``letter_costs``  what recognizers write for the letters of what was said
``term_index``    the few terms that each stretch of words could be
``features``      what speaks for and against each
``decision``      which of them are taken, and how sure that is
``in_text``       terms in a text with capitals and marks
``spellings``, ``spelling_files``  replacements that always hold, and the files that have them
``vocabulary_tables``  Amazon Transcribe's vocabularies as lists
``document_texts``, ``collecting``  a list from documents
``hand_edits``  terms and spellings from transcripts that a person corrected

It imports ``errors`` and ``transcripts``: no fairseq, no torch.
"""
