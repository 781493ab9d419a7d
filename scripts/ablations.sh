#!/usr/bin/env bash
# Measures what each choice is worth: one training per row, with equal updates, and a table of held-out losses.
#
#   scripts/ablations.sh RUN_FOLDER [ROW...]
#
# RUN_FOLDER is the WORK of scripts/train_general.sh with START=BERT, whose BERT and simulated errors of a CTC are used, and
# MANIFESTS has ctc.train_clean_100.jsonl, ctc.valid.jsonl, espnet.dev_clean.jsonl, espnet.dev_other.jsonl and
# books.txt.gz. Each row is the first one, "base", with one change. Finished rows are not repeated; the table, RUN_FOLDER/ablations/table.md, is
# written after each row. Losses are in bits per word piece, on held-out sentences: of the recognizer trained on (valid),
# and of another one (dev-clean, dev-other).
#
# Environment: MANIFESTS, UPDATES (100), MAX_TOKENS (2048), SEED, HELD_OUT (one sentence of how many is measured: 8).
set -euo pipefail

usage="usage: MANIFESTS=FOLDER ablations.sh RUN_FOLDER [ROW...]"
run=${1:?$usage}
manifests=${MANIFESTS:?$usage}
shift
root=$(cd "$(dirname "$0")/.." && pwd)
seed=${SEED:-1}
updates=${UPDATES:-100}
here=$run/ablations
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000
mkdir -p "$here"

device=--cpu
if [ "$(python -c 'import torch; print(torch.cuda.is_available())')" = True ]; then
  device=--bf16
elif grep -qs avx512_bf16 /proc/cpuinfo; then
  device="--cpu --bf16"
fi

data() { # data NAME FLAGS...: pairs and binarized data in a folder of that name
  local name=$1 made=$here/data/$1
  shift
  [ -d "$made/bin" ] && return
  for set in ctc.valid espnet.dev_clean espnet.dev_other; do
    awk -v each="${HELD_OUT:-8}" 'NR % each == 1 || each == 1' "$manifests/$set.jsonl" > "$here/$set.jsonl"
  done
  rm -rf "$made/pairs"
  python -m fairseq_asr_correct pairs --train "$@" --valid "$here/ctc.valid.jsonl" --seed "$seed" --max-words 70 \
    --eval dev-clean="$here/espnet.dev_clean.jsonl" --eval dev-other="$here/espnet.dev_other.jsonl" \
    --save-to "$made/pairs"
  python -m fairseq_asr_correct binarize --pairs "$made/pairs" --bert-init "$run/start" --save-to "$made/bin"
}

row() { # row NAME DATA FLAGS...: its data are made if need be; flags of fairseq-train, the last of two counting
  local name=$1 bin=$here/data/$2/bin work=$here/rows/$1
  [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $name "* ]] || return 0
  [ -f "$work/done" ] && return
  "data_$2"
  shift 2
  printf '== %s: %s\n' "$(date +%T)" "$name"
  local optimizer=(--optimizer adam --adam-betas "(0.9,0.98)" --weight-decay 0.01)
  [[ " $* " == *" --optimizer "* ]] && optimizer=()
  rm -rf "$work"
  mkdir -p "$work"
  # shellcheck disable=SC2086
  fairseq-train "$bin" --user-dir "$root/fairseq_asr_correct" --seed "$seed" $device \
    --arch bert_transformer_copy --bert-init "$run/start" --decoder-layers 2 \
    --dropout 0 --attention-dropout 0 --encoder-dropout 0 \
    "${optimizer[@]}" --clip-norm 1 --lr 4e-4 \
    --lr-scheduler polynomial_decay --warmup-updates 20 --total-num-update "$updates" --max-update "$updates" \
    --criterion chunked_label_smoothed_cross_entropy --label-smoothing 0 \
    --max-tokens "${MAX_TOKENS:-2048}" --num-workers 1 --valid-subset valid,dev-clean,dev-other --no-save \
    --log-format simple --log-interval 1 --log-file "$work/train.log" "$@" > "$work/out.log" 2>&1 ||
    { tail -5 "$work/out.log" >&2; return 1; }
  touch "$work/done"
  python "$root/scripts/ablations_table.py" "$here/rows" > "$here/table.md"
}

only=("$@")
errors=$run/made/ctc.jsonl real=$manifests/ctc.train_clean_100.jsonl books=$manifests/books.txt.gz
same=lines:$books,$books
data_both() { data both "$errors@0.02" "$real" --max-identical 0.1; }
data_real() { data real "$real"; }
data_simulated() { data simulated "$errors@0.04" --max-identical 0.1; }
data_same0() { data same0 "$errors@0.02" "$real" --max-identical 0; }
data_same20() { data same20 "$errors@0.02" "$real" "$same@0.03" --max-identical 0.2; }
data_same50() { data same50 "$errors@0.02" "$real" "$same@0.03" --max-identical 0.5; }

row base both
row no-copy both --arch bert_transformer
row init-random both --bert-init-parts none
row init-encoder both --bert-init-parts encoder
row init-decoder both --bert-init-parts decoder
row init-without-cross both --bert-init-parts encoder,decoder
for layers in 1 3 6; do row "decoder-layers-$layers" both --decoder-layers "$layers"; done
for lr in 1e-4 2e-4 8e-4 16e-4; do row "adam-$lr" both --lr "$lr"; done
for lr in 3e-3 1e-2 3e-2; do
  row "novograd-$lr" both --optimizer novograd --novograd-betas "(0.95,0.25)" --weight-decay 0 --lr "$lr"
done
row real-only real
row simulated-only simulated
for share in 0 20 50; do row "identical-$share" "same$share"; done
row smoothing-0.1 both --label-smoothing 0.1
row short-first both --curriculum 1
row skip-copied-0.8 both --loss-skip-copied 0.8
cat "$here/table.md"
