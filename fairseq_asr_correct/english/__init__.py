"""What is known of English without any model. It imports ``errors``, ``files`` and ``written``.

``frequencies``        how common words are in general English
``known_words``        which words are English
``example_sentences``  sentences of English, most of them short
``by_letters``         whether a text looks as if its recognizer spells letter by letter
``variants``           words that are spelled in two ways
``regional``           text in the spelling of one region
``disfluencies``       hesitations, and words that are said twice in a row
``dialect``            words of dialect
``word_groups``        which words of a change become which
``style``              what of a change is style and no error
"""
