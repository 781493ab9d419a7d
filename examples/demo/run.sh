#!/usr/bin/env bash
# Train a corrector on the demo corpus and correct its test sentences, in ten minutes on two cores.
#
#   examples/demo/run.sh RUN_FOLDER
#
# Any setting of ../train_and_correct.sh can be given in the environment, such as SEED=2.
set -euo pipefail

run=${1:?usage: run.sh RUN_FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
export MAX_UPDATE=${MAX_UPDATE:-450} MAX_TOKENS=${MAX_TOKENS:-512} BEAM=${BEAM:-2} VALIDATE_EVERY=${VALIDATE_EVERY:-150}
exec "$here/../train_and_correct.sh" "$here/pairs" "$run"
