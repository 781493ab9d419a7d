"""What is said of a model's tokens without the model: their words, and the changes from some tokens to others.

``dictionaries``  a model's dictionary, as fairseq has it or without fairseq
``word_pieces``   text to BERT's WordPiece, and back
``words``         which tokens form a word, and its text
``spans``, ``styled``, ``deciding``  the changes of a correction, and which of them are taken
``guesses``       where in its source an output has come, for input-guided search
``search``        the options of a search

It imports ``folders``, ``choice`` and what is below them, and loads neither torch nor fairseq.
"""
