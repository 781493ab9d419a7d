"""Corrects without torch and fairseq: a corrector's arithmetic as ONNX graphs, and input-guided search on them.

``computable``      whether graphs can compute a folder's model
``shape``           the shape of a corrector, from its ``config.json``
``stored_tensors``  where its weights are in their files
``row_scales``      matrices in int8 with a scale for each row
``spelling_tensors``  how its dictionary's entries are spelled
``building``        the graphs, made of these three
``graphs``          opens a folder: checks it, and has ONNX Runtime load the graphs
``edit_rows``       how far in the source an output has come
``encoded``         some sources as the encoder leaves them
``chosen``          the token at each place of a pass
``guided``          input-guided search

It imports ``tokens``, ``folders``, ``work``, ``errors`` and ONNX Runtime, and loads neither torch nor fairseq.
"""
