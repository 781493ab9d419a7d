#!/usr/bin/env python3
"""`asr-correct bert` under an older name; see `python scripts/get_decoder_params_from_bert.py --help`."""

from fairseq_asr_correct.commands.get_bert import main

if __name__ == "__main__":
    main()
