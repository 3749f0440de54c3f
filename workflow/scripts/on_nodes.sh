#!/usr/bin/env bash
# Start a training script on every node of a Slurm job: on_nodes.sh NODES PROCESSES CPUS SCRIPT ARGUMENTS...
#
# One torchrun a node, PROCESSES processes each, which meet at the job's first node. The workflow submits the job with as
# many nodes, and so that it is not started through srun itself (src/videossl/study/requests.py).
set -euo pipefail
nodes=$1 processes=$2 cpus=$3
shift 3
if [ -z "${SLURM_JOB_ID:-}" ]; then
    echo "error: compute.nodes is $nodes, and this is no Slurm job. Set compute.nodes to 1, or use --profile slurm." >&2
    exit 2
fi
# Asked of Slurm: Snakemake's executor takes SLURM_JOB_NODELIST and its like out of the environment.
mapfile -t hosts < <(scontrol show hostnames "$(squeue --noheader --job "$SLURM_JOB_ID" --format %N)")
if [ "${#hosts[@]}" -ne "$nodes" ]; then
    echo "error: compute.nodes is $nodes, and Slurm job $SLURM_JOB_ID has ${#hosts[@]}. The workflow asks for them" \
        "by itself: does the profile, or --set-resources, set the rule's nodes or tasks?" >&2
    exit 2
fi
exec srun --nodes "$nodes" --ntasks "$nodes" --ntasks-per-node 1 --cpus-per-task "$cpus" --kill-on-bad-exit=1 \
    python "$(dirname "$0")/processes.py" --nnodes "$nodes" --nproc-per-node "$processes" --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" \
    --rdzv-endpoint "${hosts[0]}:$((20000 + SLURM_JOB_ID % 20000))" "$@"
