#!/usr/bin/env bash
# train_librispeech.sh on several hosts of a Slurm cluster, four with eight GPUs each unless sbatch is told otherwise.
#
#   sbatch scripts/train_slurm.sh DATA_BIN BERT_DIR          # in the root of the checkout, environment activated
#   sbatch --nodes 2 --gpus-per-node 4 --time 12:00:00 scripts/train_slurm.sh DATA_BIN BERT_DIR
#
# The environment variables are those of train_librispeech.sh. RUN (default: runs/librispeech-JOB, so that a requeued
# job goes on where it was), DATA_BIN and BERT_DIR must be in a file system that all hosts share. After a time limit,
# submit again with the same RUN; or submit several jobs at once with --dependency=singleton, each of which goes on.
#
#SBATCH --job-name=asr-correct
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --mem=0
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -euo pipefail

fail() { echo "$*" >&2; exit 1; }

usage="usage: sbatch scripts/train_slurm.sh DATA_BIN BERT_DIR"
data=${1:?$usage}
bert=${2:?$usage}
[ -n "${SLURM_JOB_ID:-}" ] || fail "this runs inside a Slurm job: $usage"
# Slurm runs a copy of this file from elsewhere, so its own place says nothing.
recipe=${SLURM_SUBMIT_DIR:-$PWD}/scripts/train_librispeech.sh
[ -f "$recipe" ] || fail "$recipe is not there: submit from the root of the checkout"

export RUN=${RUN:-runs/librispeech-$SLURM_JOB_ID}
# fairseq asks Slurm for hosts and ranks, and starts a process for each GPU of a host. It does so only if it is told of
# more than one GPU in all, and of a port; a port of the job's own, as hosts may be shared.
gpus=$((${SLURM_NNODES:-1} * ${SLURM_GPUS_ON_NODE:-8}))
export EXTRA_FLAGS="--distributed-world-size $gpus --distributed-port $((10000 + SLURM_JOB_ID % 50000)) ${EXTRA_FLAGS:-}"
# These would make fairseq believe that torchrun had started it.
unset MASTER_ADDR MASTER_PORT WORLD_SIZE RANK

# One host's end ends all: the others would wait for it forever.
exec srun --ntasks-per-node=1 --kill-on-bad-exit=1 bash "$recipe" "$data" "$bert"
