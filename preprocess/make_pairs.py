#!/usr/bin/env python3
"""`asr-correct pairs` under an older name; see `python preprocess/make_pairs.py --help`."""

from fairseq_asr_correct.commands.make_pairs import main

if __name__ == "__main__":
    main()
