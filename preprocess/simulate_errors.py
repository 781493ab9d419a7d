#!/usr/bin/env python3
"""`asr-correct simulate` under an older name; see `python preprocess/simulate_errors.py --help`."""

from fairseq_asr_correct.commands.simulate_errors import main

if __name__ == "__main__":
    main()
