"""Speech recognizers over manifests: audio, augmentation, dropout at inference. It imports ``transcripts``."""

from fairseq_asr_correct.mends.loading import hide_broken_torchaudio

hide_broken_torchaudio()  # before transformers is imported, which would fail
