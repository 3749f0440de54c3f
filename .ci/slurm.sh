#!/usr/bin/env bash
# Install Slurm for tests/slurm, where that is possible; without it those tests are skipped and say so.
set -uo pipefail
if command -v slurmctld >/dev/null && command -v munged >/dev/null && command -v slurmdbd >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "No Slurm here, and no root or apt-get to install it: the tests on a real Slurm will be skipped."
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ apt-get update && apt-get install --yes --no-install-recommends slurm-wlm munge slurmdbd mariadb-server; } >"$log" 2>&1 || {
  tail -5 "$log"
  echo "Slurm could not be installed: the tests on a real Slurm will be skipped."
}
