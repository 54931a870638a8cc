#!/bin/sh
# Runs the peers of the learning crate on one thread and prints one JSON object.
#
# The first call makes a virtual environment in benches/peers/.venv and installs the pinned packages into it: about 6 GB,
# most of it CUDA libraries that the plain torch wheel brings along and nothing here uses. Later calls only run.
# The first argument names the peer, GossipPy where it names none; the others are handed on:
#   run.sh --runs 1
#   run.sh byzfl speed
#   run.sh byzfl_table --seeds 10
#   run.sh byzfl outputs > crates/learning/tests/fixtures/byzfl.txt
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../.venv"
stamp="$venv/learning-requirements.txt"
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    "${PYTHON:-python3}" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --no-cache-dir -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$stamp"
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
case "${1:-}" in
    byzfl | byzfl_table | gossippy) peer=$1 && shift ;;
    *) peer=gossippy ;;
esac
exec "$venv/bin/python" "$here/$peer.py" "$@"
