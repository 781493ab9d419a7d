"""How common words are."""

from fairseq_asr_correct.english.frequencies import zipf


def test_frequencies() -> None:
    assert zipf("the") > 7.5 and zipf("kittiwake") == 2.0
    assert zipf("horse's") >= 2.5 and zipf("zzyzx's") == 2.0
    assert zipf("people") > zipf("sailor") > zipf("seagull")
