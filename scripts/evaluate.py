#!/usr/bin/env python3
"""`asr-correct evaluate` under an older name; see `python scripts/evaluate.py --help`."""

from fairseq_asr_correct.commands.evaluate import main

if __name__ == "__main__":
    main()
