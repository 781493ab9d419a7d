#!/usr/bin/env bash
# Adapts the corrector in the package to a domain, corrects the domain's test sentences, and reports on them.
#
#   examples/adapt_and_correct.sh DOMAIN RUN_FOLDER                 # from text, terms and pairs
#   TEXT_ALONE=1 examples/adapt_and_correct.sh DOMAIN RUN_FOLDER    # from text and terms
#
# DOMAIN has text/train.txt, terms.txt and pairs/. A killed run goes on, and a whole one adapts only once.
#
# Environment: TEXT_ALONE, RECOGNIZER (default: whisper-small, for Whisper tiny.en wrote the pairs), MINUTES, SEED.
set -euo pipefail

domain=${1:?usage: adapt_and_correct.sh DOMAIN RUN_FOLDER}
run=${2:?usage: adapt_and_correct.sh DOMAIN RUN_FOLDER}
pairs=$domain/pairs
given=(--text "$domain/text/train.txt" --terms "$domain/terms.txt" --recognizer "${RECOGNIZER:-whisper-small}")
if [ -z "${TEXT_ALONE:-}" ]; then
  given+=(--pairs "$pairs/train.bad,$pairs/train.good" --valid "$pairs/valid.bad,$pairs/valid.good")
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(getconf _NPROCESSORS_ONLN)}

mkdir -p "$run"
[ -d "$run/corrector" ] ||
  python -m fairseq_asr_correct adapt "${given[@]}" --minutes "${MINUTES:-6}" --seed "${SEED:-1}" --save-to "$run/corrector"
python -m fairseq_asr_correct correct "$run/corrector" --decoding input-guided --format lines --input "$pairs/test.bad" \
  --output "$run/test.corrected" --force
python -m fairseq_asr_correct evaluate --set "test=lines:$pairs/test.good,$pairs/test.bad,$run/test.corrected" \
  --terms "$domain/terms.txt" --save-to "$run/report" --examples 5
