"""The Python API: the corrector, its corrections, and the parts of long texts.

``corrector``      what programs use: text in, corrected text out
``engine``, ``decider``  a model with its decision, on parts of texts in batches
``seq2seq``        what is needed of a model, whatever computes it
``backends``, ``fairseq_model``  models by what computes them
``parts``, ``wordings``, ``vocabularies``  what the model reads of a text, and its changes in the text as written
``corrections``    what changed, and how sure that is
``term_choice``, ``spelled``, ``finish``  terms before the model, and what is done to a text after it
``tried_changes``, ``tuning``  what each change would do where it is known what was said, and a decision fitted to it

It imports ``formats``, ``decoding`` and what is below them. What needs torch or fairseq is loaded with a model that
needs them.
"""
