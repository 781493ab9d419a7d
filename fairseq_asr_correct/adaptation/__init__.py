"""From a domain's text, terms and pairs to a corrector for it: ``asr-correct adapt``.

``request``        what there is, and how much may be done with it
``domain_data``    text and pairs, spelled as a corrector reads them
``held_out``       what is trained on, and what is kept back
``phrasing``       lines of the domain to make errors in
``domain_errors``  errors in them, most of them in words that a recognizer does not know
``mixture``        how many of which, and of lines that are of no domain
``domain_stages``  from text and pairs to the pairs that are trained on
``domain_terms``   the domain's words, with what was heard for them
``weighing_terms`` weights with which they leave other text alone
``domain_model``   from pairs to a corrector with its decision, terms and report
``domain_card``    what it was made of
``adapting``       all of it

It uses the stages of ``recipes``.
"""
