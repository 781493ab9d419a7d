#!/usr/bin/env bash
# Trains a corrector for several recognizers by a recipe, and reports on it.
#
#   scripts/train_general.sh WORK
#
# WORK gets a file or folder for each stage, and in the end model/ and report/. Stages that are done are not done again,
# and a killed run resumes. examples/general/recipe.yaml holds all choices, with a remark for each.
#
# Environment: SMALL (1: a small slice, seven minutes on two free cores), RECIPE (default:
# examples/general/recipe.yaml), DATA (the folder that its paths start from, default: ../shared/data), VARIANTS (names
# of changes in the recipe; default: small with SMALL=1, and of our own recipe cpu where there is no GPU), START (a
# corrector or a BERT, instead of the recipe's), WORKERS (all cores), PRECISION (bf16 where the machine has it).
set -euo pipefail
work=$(realpath -m "${1:?usage: train_general.sh WORK}")
for name in RECIPE DATA START; do # from the folder where the command was given; a BERT's name is no path
  if [ -e "${!name:-}" ]; then export "$name=$(realpath "${!name}")"; fi
done
cd "$(dirname "$0")/.."
gpu=$(python -c 'import torch; print("yes" if torch.cuda.is_available() else "")')
usual=$([ "$gpu" ] || [ "${RECIPE:-}" ] || echo cpu)
variants=()
for name in ${VARIANTS-$usual ${SMALL:+small}}; do
  variants+=(--variant "$name")
done
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)} TOKENIZERS_PARALLELISM=false
exec python -m fairseq_asr_correct.recipes.general "$work" --recipe "${RECIPE:-examples/general/recipe.yaml}" \
  --data "${DATA:-../shared/data}" "${variants[@]}" ${START:+--start "$START"} ${WORKERS:+--workers "$WORKERS"} \
  ${PRECISION:+--precision "$PRECISION"}
