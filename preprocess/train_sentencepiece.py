#!/usr/bin/env python3
"""`asr-correct sentencepiece` under an older name; see `python preprocess/train_sentencepiece.py --help`."""

from fairseq_asr_correct.commands.train_sentencepiece import main

if __name__ == "__main__":
    main()
