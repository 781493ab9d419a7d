"""Which of the changes that a corrector proposes are taken. It imports ``errors``, ``english`` and ``terms``.

``changes``     a change as the decision sees it: words, and how likely the corrector finds both sides
``evidence``    what speaks for and against a change, as numbers
``likelihood``  a logistic function of these numbers: the probability that a change mends something
``rule``        from which probability, or by which margin, a change is taken
``fitting``     likelihood from changes of which it is known what they do
"""
