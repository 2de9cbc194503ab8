#!/bin/sh
# Reproduces models/melody and the manifest: run_all.sh DATA (see README.md). PYTHON names the interpreter.
set -eu
data=$1
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
work=$here/work
mkdir -p "$work"
"$python" "$here/melody/prepare.py" --data "$data" --out "$work/melody.npz"
"$python" "$here/melody/train.py" --windows "$work/melody.npz" --out "$work/melody.pt" \
    --seconds "${SECONDS_VAE:-3600}" --flow-seconds "${SECONDS_FLOW:-900}"
"$python" "$here/melody/export.py" --checkpoint "$work/melody.pt" --windows "$work/melody.npz" --out "$here/../melody"
"$python" "$here/melody/evaluate.py" --windows "$work/melody.npz" --models "$here/../melody"
"$python" "$here/manifest.py"
