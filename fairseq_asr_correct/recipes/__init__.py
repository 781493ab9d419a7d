"""From recognizers' pairs and plain text to a corrector, by one file that holds every choice.

``recipe``       what a recipe holds, and what is wrong with one
``checked``      values of YAML as dataclasses
``stages``       work that is done once, resumes, and is done again where something before it changed
``verbs``        the verbs of ``asr-correct`` in processes of their own
``real_pairs``   a recognizer's pairs out of a manifest
``drawn_text``   lines of several texts, in today's spelling
``language``     whether text is English
``start``        a corrector, or a BERT, to train on from
``training``     fairseq-train with the flags of a recipe
``training_bar`` how far it is, and the time left
``decision_fit`` which changes a corrector for several recognizers takes
``measuring``    a corrector on sets, beside the one that it started from
``model_card``   what a corrector was made of
``setup``        what the stages have in common
``data_stages``  from sources to pairs
``model_stages`` from pairs to a corrector and its report
``general``      all stages, for ``scripts/train_general.sh``

It imports all rooms but ``commands``: verbs run in other processes.
"""
