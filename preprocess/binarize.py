#!/usr/bin/env python3
"""`asr-correct binarize` under an older name; see `python preprocess/binarize.py --help`."""

from fairseq_asr_correct.commands.binarize import main

if __name__ == "__main__":
    main()
