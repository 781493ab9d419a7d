#!/usr/bin/env python3
"""`asr-correct correct` under an older name; see `python scripts/correct.py --help`."""

from fairseq_asr_correct.commands.correct import main

if __name__ == "__main__":
    main()
