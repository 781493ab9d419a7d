"""A corrector's files without its model: what is in a folder, and how files from strangers are read.

``strangers``, ``json_files``  reading has limits, since a file may come from a stranger
``finding``    which file of a folder is the model, and which others belong to it
``rules``      the rule by which changes are taken
``shipped``    the model that comes with the package

It imports ``errors`` and ``choice``, and loads neither torch nor fairseq.
"""
