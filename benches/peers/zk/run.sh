#!/bin/sh
# Runs EZKL, the peer of the zk crate, and prints one JSON object.
#
# The first call makes a virtual environment in benches/peers/.venv/zk and installs the pinned packages into it, about
# 170 MB. Later calls only run. Nothing is downloaded but packages: the reference string is made here, so it is worth nothing
# outside this measurement.
# Arguments are handed on: run.sh --runs 1
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../.venv/zk"
stamp="$venv/zk-requirements.txt"
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    "${PYTHON:-python3}" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --no-cache-dir -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$stamp"
fi
export RAYON_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec "$venv/bin/python" "$here/inference.py" "$@"
