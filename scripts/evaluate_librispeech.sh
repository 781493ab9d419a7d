#!/usr/bin/env bash
# Correct dev-clean, dev-other, test-clean and test-other, as far as DATA_BIN has them, and report the word errors.
#
#   scripts/evaluate_librispeech.sh CHECKPOINT DATA_BIN [REPORT_FOLDER]
#
# REPORT_FOLDER (default: report beside DATA_BIN) gets the logs of fairseq-generate, and report.html, report.md and
# report.json. Sets whose log is newer than the checkpoint are not corrected again.
#
# Environment: PAIRS (folder of NAME.bad and NAME.good; default: pairs beside DATA_BIN), SETS (names, instead of those
# four), BEAM, MAX_TOKENS, DEVICE_FLAGS ("--cpu" by default without a GPU), GENERATE_FLAGS (anything else for
# fairseq-generate, such as "--task asr_correction --keep-threshold 2"), EVALUATE_FLAGS (such as "--lowercase").
set -euo pipefail

usage="usage: evaluate_librispeech.sh CHECKPOINT DATA_BIN [REPORT_FOLDER]"
checkpoint=${1:?$usage}
data=${2:?$usage}
report=${3:-$(dirname "$data")/report}
pairs=${PAIRS:-$(dirname "$data")/pairs}
root=$(cd "$(dirname "$0")/.." && pwd)
device_flags=${DEVICE_FLAGS-$(python -c 'import torch; print("" if torch.cuda.is_available() else "--cpu")')}

[ -f "$checkpoint" ] || { echo "$checkpoint is not there: name a checkpoint" >&2; exit 1; }
[ -d "$data" ] || { echo "$data is not there: name a folder that asr-correct binarize wrote" >&2; exit 1; }
mkdir -p "$report"

options="$checkpoint ${BEAM:-4} ${GENERATE_FLAGS:-}"
[ "$(cat "$report/options.txt" 2>/dev/null)" = "$options" ] || rm -f "$report"/generate-*.txt
echo "$options" > "$report/options.txt"

found=
for set in ${SETS:-dev-clean dev-other test-clean test-other}; do
  ls "$data/$set".bad-good.bad.* > /dev/null 2>&1 || continue
  found=yes
  printf '\n== %s: correcting %s\n' "$(date +%T)" "$set"
  log=$report/generate-$set.txt
  # shellcheck disable=SC2086
  { [ "$log" -nt "$checkpoint" ] && grep -q '^Generate' "$log"; } ||
    fairseq-generate "$data" --user-dir "$root/fairseq_asr_correct" --path "$checkpoint" --gen-subset "$set" \
      --bpe wordpiece --scoring asr_wer --beam "${BEAM:-4}" --lenpen 0 --max-len-a 1 --max-len-b 50 --min-len 0 \
      --max-tokens "${MAX_TOKENS:-2048}" --num-workers 0 --results-path "$report" $device_flags ${GENERATE_FLAGS:-}
  tail -n 2 "$log"
done
[ "$found" ] || { echo "$data has none of the sets: make pairs of them and binarize those" >&2; exit 1; }

printf '\n== %s: word error rates on the raw references\n' "$(date +%T)"
# shellcheck disable=SC2086
python -m fairseq_asr_correct evaluate --pairs "$pairs" --results "$report" --save-to "$report" --examples 5 ${EVALUATE_FLAGS:-}
