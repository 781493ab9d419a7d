#!/usr/bin/env bash
# From manifests of recognizer output to word error rates before and after correction.
#
#   examples/librispeech/run.sh MANIFESTS RUN_FOLDER
#
# MANIFESTS holds JSON lines with `text` and `pred_text`: ctc.train_clean_100.jsonl to train on,
# ctc.valid.jsonl to choose the checkpoint by, espnet.dev_clean.jsonl and espnet.dev_other.jsonl to correct.
# Finished steps in RUN_FOLDER are not repeated. ../train_and_correct.sh does most of the work and has the settings.
set -euo pipefail

manifests=${1:?usage: run.sh MANIFESTS RUN_FOLDER}
run=${2:?usage: run.sh MANIFESTS RUN_FOLDER}
examples=$(cd "$(dirname "$0")/.." && pwd)

for name in ctc.train_clean_100 ctc.valid espnet.dev_clean espnet.dev_other; do
  [ -f "$manifests/$name.jsonl" ] || { echo "$manifests/$name.jsonl is not there: name the folder of manifests" >&2; exit 1; }
done
mkdir -p "$run"
[ -f "$run/pairs/dev-other.good" ] ||
  python -m fairseq_asr_correct pairs --save-to "$run/pairs" \
    --train "$manifests/ctc.train_clean_100.jsonl" --valid "$manifests/ctc.valid.jsonl" \
    --eval dev-clean="$manifests/espnet.dev_clean.jsonl" --eval dev-other="$manifests/espnet.dev_other.jsonl"
exec "$examples/train_and_correct.sh" "$run/pairs" "$run"
