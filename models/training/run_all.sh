#!/bin/sh
# Reproduces the models and the manifest: run_all.sh DATA (see README.md). PYTHON names the interpreter.
set -eu
data=$1
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
work=$here/work
mkdir -p "$work"
export PYTHONPATH="$here"

"$python" "$here/melody/prepare.py" --data "$data" --out "$work/melody.npz"
"$python" "$here/melody/train.py" --windows "$work/melody.npz" --out "$work/melody.pt" \
    --seconds "${SECONDS_VAE:-6000}" --flow-seconds "${SECONDS_FLOW:-2100}" --beta 0.2 --free 56
"$python" "$here/melody/export.py" --checkpoint "$work/melody.pt" --windows "$work/melody.npz" --out "$here/../melody"
reference=$data/reference/mel_2bar_small
[ -d "$reference" ] && set -- --reference "$reference" || set --
"$python" "$here/melody/evaluate.py" --windows "$work/melody.npz" --models "$here/../melody" \
    --checkpoint "$work/melody.pt" "$@"

"$python" "$here/drums/prepare.py" --data "$data" --out "$work/drums.npz"
"$python" "$here/drums/train.py" --windows "$work/drums.npz" --out "$work/drums.pt" \
    --seconds "${SECONDS_DRUMS:-2400}" --flow-seconds "${SECONDS_DRUMS_FLOW:-300}" --couplings 8 --beta 0.2 --free 80
"$python" "$here/drums/export.py" --checkpoint "$work/drums.pt" --windows "$work/drums.npz" --out "$here/../drums"
"$python" "$here/drums/evaluate.py" --windows "$work/drums.npz" --models "$here/../drums"

"$python" "$here/stream/prepare.py" --data "$data" --out "$work/stream.npz"
"$python" "$here/stream/train.py" --tunes "$work/stream.npz" --out "$work/stream.pt" \
    --seconds "${SECONDS_STREAM:-4200}" --beta 0.3 --free 13
"$python" "$here/stream/plan.py" --tunes "$work/stream.npz" --checkpoint "$work/stream.pt" --out "$work/planner.pt" \
    --seconds "${SECONDS_PLANNER:-300}"
"$python" "$here/stream/export.py" --checkpoint "$work/stream.pt" --planner "$work/planner.pt" \
    --tunes "$work/stream.npz" --out "$here/../stream"
"$python" "$here/stream/evaluate.py" --tunes "$work/stream.npz" --models "$here/../stream" --melody "$here/../melody"

"$python" "$here/songs/prepare.py" --data "$data" --out "$work/songs"
"$python" "$here/harmony_figures.py" --songs "$work/songs/held.npz"
songs=$work/songs
"$python" "$here/harmony/train.py" --songs "$songs" --out "$work/harmony.pt" --seconds "${SECONDS_HARMONY:-600}"
"$python" "$here/harmony/export.py" --checkpoint "$work/harmony.pt" --out "$here/../harmony"
"$python" "$here/harmony/evaluate.py" --songs "$songs" --models "$here/../harmony"
"$python" "$here/lead/train.py" --songs "$songs" --out "$work/lead.pt" --seconds "${SECONDS_LEAD:-3600}"
"$python" "$here/lead/export.py" --checkpoint "$work/lead.pt" --out "$here/../lead"
"$python" "$here/lead/evaluate.py" --songs "$songs" --models "$here/../lead"
"$python" "$here/lead/train.py" --songs "$songs" --out "$work/lead_transformer.pt" --decoder transformer \
    --teacher "$work/lead.pt" --seconds "${SECONDS_LEAD_TRANSFORMER:-6300}"
"$python" "$here/lead/export.py" --checkpoint "$work/lead_transformer.pt" --out "$here/../lead_transformer"
"$python" "$here/lead/evaluate.py" --songs "$songs" --models "$here/../lead_transformer"
"$python" "$here/texture/train.py" --songs "$songs" --out "$work/texture.pt" --seconds "${SECONDS_TEXTURE:-1800}" \
    --flow-seconds "${SECONDS_TEXTURE_FLOW:-300}"
"$python" "$here/texture/export.py" --checkpoint "$work/texture.pt" --out "$here/../texture"
"$python" "$here/texture/evaluate.py" --songs "$songs" --models "$here/../texture"
"$python" "$here/touch/prepare.py" --songs "$songs" --data "$data" --out "$work/touch.npz"
"$python" "$here/touch/train.py" --onsets "$work/touch.npz" --out "$work/touch.pt" --seconds "${SECONDS_TOUCH:-300}"
"$python" "$here/touch/export.py" --checkpoint "$work/touch.pt" --out "$here/../touch"
"$python" "$here/touch/evaluate.py" --onsets "$work/touch.npz" --models "$here/../touch"

"$python" "$here/eye/prepare.py" --data "$data" --out "$work/eye.npz"
"$python" "$here/eye/train.py" --views "$work/eye.npz" --out "$work/eye.pt" --seconds "${SECONDS_EYE:-3300}"
"$python" "$here/eye/export.py" --checkpoint "$work/eye.pt" --out "$here/../eye"
"$python" "$here/eye/evaluate.py" --views "$work/eye.npz" --models "$here/../eye"
"$python" "$here/eye/prepare_drawing.py" --data "$data" --models "$here/../eye" --out "$work/drawing.npz"
"$python" "$here/eye/draw.py" --views "$work/drawing.npz" --models "$here/../eye" --out "$work/drawing.pt" \
    --seconds "${SECONDS_DRAWING:-6000}"
"$python" "$here/eye/export.py" --drawing "$work/drawing.pt" --out "$here/../eye"
"$python" "$here/eye/evaluate_drawing.py" --views "$work/drawing.npz" --models "$here/../eye" --teacher "$work" \
    --grid "$here/../eye/drawn.jpg"

"$python" "$here/names/pictures.py" --data "$data" --models "$here/../eye"
"$python" "$here/names/pairs.py" --data "$data" --models "$here/../eye"
"$python" "$here/names/music.py" --models "$here/.."
"$python" "$here/names/focus.py" --data "$data" --models "$here/.."

"$python" "$here/manifest.py"
