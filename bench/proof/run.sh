#!/bin/sh
# Makes the runs of the experiment, or its tables: npm run bench:proof -- --help
set -eu
cd "$(dirname "$0")/../.."
python=$(sh scripts/python-environment.sh proof examples/train/requirements.txt bench/proof/requirements.txt)
if [ "${1:-}" = --tables ]; then
  exec "$python" bench/proof/tables.py bench/proof/results/results.csv docs/does-it-help.md
fi
exec "$python" bench/proof/proof.py "$@"
