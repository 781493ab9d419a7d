"""What `preprocess/transcribe.py` is made of: audio, augmentation, recognizers, dropout at inference, a journal."""
