"""Which of several texts was said: candidates, what a language model thinks of them, and the weights of both.

``prefix_tree``     texts whose common beginnings are computed once
``language_model``  log-probabilities of texts under a causal model of transformers
``causal_models``   reading such a model, and refusing what is none
``proposals``       the candidates of a text
``candidate_features``  what speaks for each and against it
``weighing``        a log-linear model that chooses among candidates
``corrector_scores``  log-probabilities of texts under a corrector
``second_opinion``  all of it on top of a corrector

It imports ``corrector`` and what is below it.
"""
