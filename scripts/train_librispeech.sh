#!/usr/bin/env bash
# Train the published system: bert_transformer with NovoGrad, in the tutorial's values, on all GPUs of this machine.
#
#   scripts/train_librispeech.sh DATA_BIN BERT_DIR
#
# DATA_BIN is a folder of asr-correct binarize, BERT_DIR one of asr-correct bert. The same command with RUN=FOLDER resumes
# from that folder's last checkpoint, and is refused if data or shape have changed.
#
# The run's folder gets checkpoints/, train.log, tensorboard/ (with tensorboardX), command.txt (a line each time it is
# started), versions.txt, and fingerprint.txt, which tells data and shape from others.
#
# Environment: RUN (default: runs/librispeech-TIME), MAX_UPDATE (300000; the learning rate is zero there), MAX_TOKENS
# (16384 a GPU, the longer side), UPDATE_FREQ (1), LR (0.001), WARMUP (1000), DROPOUT (0.25, the decoder's),
# DECODER_LAYERS (BERT's), ARCH (bert_transformer, or bert_transformer_copy), SEED (1), PRECISION (fp16, bf16 or fp32;
# fp16 with a GPU, else fp32), SAVE_EVERY (2000 updates; it validates then too), KEEP (5 of these checkpoints), EVAL_WER
# (1: choose the best checkpoint by word error rate instead of loss), OPTIMIZER_FLAGS (instead of NovoGrad),
# EXTRA_FLAGS (anything else for fairseq-train; it wins over what stands here).
set -euo pipefail

usage="usage: train_librispeech.sh DATA_BIN BERT_DIR"
data=${1:?$usage}
bert=${2:?$usage}
root=$(cd "$(dirname "$0")/.." && pwd)
run=${RUN:-runs/librispeech-$(date +%Y%m%d-%H%M%S)}
max_update=${MAX_UPDATE:-300000}
arch=${ARCH:-bert_transformer}
# Over several hosts (train_slurm.sh) each starts this script; the first one keeps the records.
first=$([ "${SLURM_NODEID:-0}" = 0 ] && echo yes || echo no)

fail() { echo "$*" >&2; exit 1; }

fingerprint() { # data and shape: what must not change between the parts of one training
  echo "decoder layers: ${DECODER_LAYERS:-of BERT}"
  [ "$arch" = bert_transformer ] || echo "architecture: $arch"
  (cd "$bert" && sha256sum config.json)
  (cd "$data" && sha256sum dict.*.txt train.*.bin train.*.idx valid.*.bin valid.*.idx)
}

[ -f "$data/dict.good.txt" ] && [ -f "$data/train.bad-good.good.bin" ] ||
  fail "$data has no binarized training set: write it with asr-correct binarize"
[ -f "$data/valid.bad-good.good.bin" ] || fail "$data has no validation set: binarize pairs with valid.bad and valid.good"
[ -f "$bert/config.json" ] || fail "$bert is not a BERT folder: write it with asr-correct bert"
[ -z "${DECODER_LAYERS:-}" ] || [[ $DECODER_LAYERS =~ ^[1-9][0-9]*$ ]] || fail "DECODER_LAYERS=$DECODER_LAYERS: give a number"
command -v fairseq-train > /dev/null || fail "fairseq-train is not in PATH: activate the environment first"

versions=$(cd "$root" && python - << 'PYTHON'
import importlib.metadata, importlib.util, platform, re, subprocess
import torch
print("python", platform.python_version())
for package in ("torch", "ve-fairseq", "transformers", "sentencepiece"):
    print(package, importlib.metadata.version(package))
print("fairseq-asr-correct", re.search(r'__version__ = "(.+?)"', open("fairseq_asr_correct/version.py").read())[1])
commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True)
print("commit", commit.stdout.strip() or "(not in a checkout)")
print("tensorboardX", importlib.util.find_spec("tensorboardX") and importlib.metadata.version("tensorboardX"))
for index in range(torch.cuda.device_count()):
    print("GPU", torch.cuda.get_device_name(index))
PYTHON
)
gpus=$(grep -c '^GPU ' <<< "$versions" || true)

precision=${PRECISION:-$([ "$gpus" -gt 0 ] && echo fp16 || echo fp32)}
case $precision in
  fp16) precision_flags="--fp16 --fp16-no-flatten-grads" ;; # NovoGrad needs the gradients apart
  bf16) precision_flags="--bf16" ;;
  fp32) precision_flags="" ;;
  *) fail "PRECISION=$precision: choose fp16, bf16 or fp32" ;;
esac

mkdir -p "$run"
run=$(cd "$run" && pwd)
finished=$run/checkpoints/finished.$max_update
if [ -f "$finished" ]; then # fairseq would train one update more each time it is asked
  echo "$run: its $max_update updates are done already"
  exit 0
fi

read -r -a optimizer <<< "${OPTIMIZER_FLAGS:---optimizer novograd --novograd-betas (0.95,0.25) --weight-decay 0}"
read -r -a extra <<< "$precision_flags ${EXTRA_FLAGS:-}"
command=(fairseq-train "$data" --user-dir "$root/fairseq_asr_correct" --seed "${SEED:-1}"
  --arch "$arch" --bert-init "$bert" ${DECODER_LAYERS:+--decoder-layers "$DECODER_LAYERS"}
  --dropout "${DROPOUT:-0.25}"
  "${optimizer[@]}" --lr "${LR:-0.001}"
  --lr-scheduler polynomial_decay --power 2 --warmup-updates "${WARMUP:-1000}"
  --total-num-update "$max_update" --max-update "$max_update"
  --criterion chunked_label_smoothed_cross_entropy --label-smoothing 0.1
  --max-tokens "${MAX_TOKENS:-16384}" --update-freq "${UPDATE_FREQ:-1}"
  # By updates alone: an epoch is 500 of them on eight GPUs, and many thousand on one.
  --save-interval-updates "${SAVE_EVERY:-2000}" --keep-interval-updates "${KEEP:-5}"
  --save-interval 1000000 --validate-interval 1000000 --no-epoch-checkpoints
  --save-dir "$run/checkpoints" --log-file "$run/train.log" --log-format simple --log-interval 100)
[ "$gpus" -gt 0 ] || command+=(--cpu)
grep -q '^tensorboardX None' <<< "$versions" || command+=(--tensorboard-logdir "$run/tensorboard")
[ "${EVAL_WER:-0}" = 0 ] || command+=(--task asr_correction --eval-wer --best-checkpoint-metric wer)
command+=(${extra[@]+"${extra[@]}"})

if [ $first = yes ]; then
  ours=$(fingerprint)
  if [ -f "$run/fingerprint.txt" ]; then
    other=$({ diff <(echo "$ours") "$run/fingerprint.txt" || true; } | sed -nE 's/^< ([0-9a-f]{64}  )?//p' | sed -n 1p)
    [ -z "$other" ] || fail "$run was started with other data or another shape ($other differs): give those again, or another RUN"
  else
    echo "$ours" > "$run/fingerprint.txt"
  fi
  echo "$versions" > "$run/versions.txt"
  printf '%q ' "${command[@]}" >> "$run/command.txt"
  echo >> "$run/command.txt"
  echo "$run: $([ -f "$run/checkpoints/checkpoint_last.pt" ] && echo "goes on from its last checkpoint" || echo "a new training"), \
$max_update updates on $([ "$gpus" -gt 0 ] && echo "$gpus GPUs" || echo "the CPU"), $precision"
  echo "to go on after a stop: the same command with RUN=$(printf %q "$run")"
fi

"${command[@]}"

if [ $first = yes ]; then
  touch "$finished"
  echo "$run: done; the best checkpoint is $run/checkpoints/checkpoint_best.pt"
fi
