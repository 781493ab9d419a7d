#!/usr/bin/env python3
"""`asr-correct distill` under an older name; see `python scripts/distill.py --help`."""

from fairseq_asr_correct.commands.distill import main

if __name__ == "__main__":
    main()
