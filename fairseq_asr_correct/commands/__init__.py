"""The verbs of ``asr-correct``: one module each, with ``make_parser`` and ``main``. No other room imports this one."""

VERBS = {  # verb: its module, and a summary for --help
    "correct": ("correct", "correct what a recognizer wrote: files, pipes, manifests, subtitles"),
    "explain": ("explain", "show what correction would change, and how sure the model is"),
    "evaluate": ("evaluate", "count word errors before and after correction, and report on them"),
    "serve": ("serve", "correct over HTTP"),
    "subtitles": ("make_subtitles", "transcribe recordings with Whisper, and correct the text"),
    "terms": ("make_terms", "make a list of terms from documents, or from transcripts that a person corrected"),
    "folds": ("make_folds", "split a corpus into folds for cross-decoding"),
    "transcribe": ("transcribe", "transcribe a manifest with a recognizer"),
    "pairs": ("make_pairs", "make clean bad/good pairs from recognizer output"),
    "simulate": ("simulate_errors", "learn a recognizer's errors, and make such errors in text"),
    "bert": ("get_bert", "convert a BERT to start a corrector from"),
    "wordpiece": ("to_wordpieces", "split text into BERT's word pieces, or join them"),
    "sentencepiece": ("train_sentencepiece", "train a vocabulary for a language that has no BERT"),
    "binarize": ("binarize", "turn pairs into fairseq's binary data"),
    "tune": ("tune", "fit which changes are taken to a recognizer of your own"),
    "average": ("average_checkpoints", "average the last checkpoints of a training"),
    "export": ("export", "export a corrector for this package, Hugging Face or CTranslate2"),
    "import": ("import_huggingface", "turn a BERT-to-BERT model of Hugging Face into a checkpoint"),
    "distill": ("distill", "write a corrector's output as training pairs for a smaller one"),
    "user-dir": ("user_dir", "print the folder to give to fairseq's --user-dir"),
}
