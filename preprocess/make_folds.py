#!/usr/bin/env python3
"""`asr-correct folds` under an older name; see `python preprocess/make_folds.py --help`."""

from fairseq_asr_correct.commands.make_folds import main

if __name__ == "__main__":
    main()
