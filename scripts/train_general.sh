#!/usr/bin/env bash
# Trains a corrector for several recognizers by a recipe, and reports on it.
#
#   scripts/train_general.sh WORK
#
# WORK gets a file or folder for each stage, and in the end model/ and report/. Stages that are done are not done again,
# and a killed run resumes. examples/general/recipe.yaml holds all choices, with a remark for each.
#
# Environment: SMALL (1: a small slice, 15 minutes on two cores), RECIPE (default: examples/general/recipe.yaml),
# DATA (the folder that its paths start from, default: ../shared/data), VARIANTS (names of changes in the recipe; default:
# cpu where there is no GPU, and small with SMALL=1), START (a corrector or a BERT, instead of the recipe's), WORKERS (all
# cores), PRECISION (bf16 where the machine has it).
set -euo pipefail
work=$(realpath -m "${1:?usage: train_general.sh WORK}")
cd "$(dirname "$0")/.."
variants=()
for name in ${VARIANTS-$(python -c 'import torch; print("" if torch.cuda.is_available() else "cpu")') ${SMALL:+small}}; do
  variants+=(--variant "$name")
done
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)} TOKENIZERS_PARALLELISM=false
exec python -m fairseq_asr_correct.recipes.general "$work" --recipe "${RECIPE:-examples/general/recipe.yaml}" \
  --data "${DATA:-../shared/data}" "${variants[@]}" ${START:+--start "$START"} ${WORKERS:+--workers "$WORKERS"} \
  ${PRECISION:+--precision "$PRECISION"}
