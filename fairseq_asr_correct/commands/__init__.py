"""The verbs of ``asr-correct``, a module each with ``make_parser`` and ``main``. No other room imports it."""

VERBS = {  # the module of each, and what it does
    "correct": ("correct", "correct what a recognizer wrote: files, pipes, manifests, subtitles"),
    "explain": ("explain", "say what would be changed, where, and how surely"),
    "evaluate": ("evaluate", "count word errors before and after correction, and report on them"),
    "serve": ("serve", "correct over HTTP"),
    "subtitles": ("make_subtitles", "let Whisper write what it hears, and correct it"),
    "folds": ("make_folds", "split a corpus into folds, to train recognizers on the others"),
    "transcribe": ("transcribe", "let a recognizer write what it hears"),
    "pairs": ("make_pairs", "make clean bad/good pairs of recognizer output"),
    "simulate": ("simulate_errors", "learn a recognizer's errors, and make them in plain text"),
    "bert": ("get_bert", "convert a BERT to start a corrector from"),
    "wordpiece": ("to_wordpieces", "split text into BERT's word pieces, or join them"),
    "sentencepiece": ("train_sentencepiece", "make a vocabulary for a language without a BERT"),
    "binarize": ("binarize", "turn pairs into fairseq's binary data"),
    "tune": ("tune_keep", "choose the margin that a change needs to be taken"),
    "average": ("average_checkpoints", "average the last checkpoints of a training"),
    "export": ("export", "write a small folder for Corrector, Hugging Face or CTranslate2"),
    "import": ("import_huggingface", "make a checkpoint of a BERT-to-BERT model of Hugging Face"),
    "distill": ("distill", "write a corrector's output as pairs for a smaller one to learn from"),
    "user-dir": ("user_dir", "print the folder to give to fairseq's --user-dir"),
}
