"""What a user's data is, before anything is trained: pairs of what was said and recognized, or text alone.

``data_sources``      reads a source and tells whether it has pairs
``mistakes``          which words were recognized as which others
``mistake_kinds``     what kind of mistake each is
``piece_vocabulary``  what a corrector's word pieces can spell
``repeats``           how much could be mended at most
``pair_numbers``      all numbers of pairs
``text_numbers``      all numbers of text alone
``data_faults``       what is odd about data, in sentences
``advice``            what to do with it, in two sentences
``inspection_text``   the tables on the terminal
``inspection_plots``, ``inspection_page``  the page, with plots

It imports ``english``, ``transcripts``, ``terms``, ``evaluation``, ``encoders`` and ``pairs``.
"""
