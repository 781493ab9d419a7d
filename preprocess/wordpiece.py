#!/usr/bin/env python3
"""`asr-correct wordpiece` under an older name; see `python preprocess/wordpiece.py --help`."""

from fairseq_asr_correct.commands.to_wordpieces import main

if __name__ == "__main__":
    main()
