#!/usr/bin/env python3
"""`asr-correct tune` under an older name; see `python scripts/tune_keep.py --help`."""

from fairseq_asr_correct.commands.tune_keep import main

if __name__ == "__main__":
    main()
