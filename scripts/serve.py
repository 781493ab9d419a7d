#!/usr/bin/env python3
"""`asr-correct serve` under an older name; see `python scripts/serve.py --help`."""

from fairseq_asr_correct.commands.serve import main

if __name__ == "__main__":
    main()
