"""Plays the exported texture: the reference that other programs must agree with."""
from pathlib import Path
import numpy as np
import onnxruntime
from common.chords import NONE
from texture.slots import BASS, MOST, PLAYED, SLOTS, bass_pitch, slot_pitches

COUNTS = MOST + 1
FAR = 32


def struck(bass: np.ndarray, count: np.ndarray, slots: np.ndarray, heat: float, noise: np.ndarray) -> np.ndarray:
    """What a step strikes, [N, 20] as the next step hears it; `noise` [N, 6 + 36 + 14] is Gumbel's, or zeros."""
    rows = np.arange(len(bass))
    heat = max(heat, 1e-6)
    parts = bass / heat + noise[:, :6], count / heat + noise[:, 6:42], slots / heat + noise[:, 42:]
    low = parts[0].argmax(1)
    many = parts[1].reshape(-1, len(BASS), COUNTS)[rows, low].argmax(1)
    found = np.zeros((len(bass), PLAYED), np.float32)
    found[rows, low] = 1
    order = np.argsort(-parts[2], 1, kind="stable")
    for row, number in enumerate(many):
        found[row, len(BASS) + order[row, :number]] = 1
    return found


def changes(chords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of [N, steps] chords, the sixteenths until the next change (at most 32), and where a new chord begins."""
    ahead = np.full(chords.shape, FAR, np.int64)
    for step in reversed(range(chords.shape[1] - 1)):
        differs = chords[:, step] != chords[:, step + 1]
        ahead[:, step] = np.where(differs, 1, np.minimum(ahead[:, step + 1] + 1, FAR))
    before = np.concatenate([np.full_like(chords[:, :1], -1), chords[:, :-1]], 1)
    return ahead, (chords != before).astype(np.int64)


class Graphs:
    """Encoder, start and step."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.run = {n: onnxruntime.InferenceSession(str(folder / f"{n}.onnx"), options).run for n in ("encoder", "start", "step")}

    def play(self, latents: np.ndarray, chords: np.ndarray, metre: np.ndarray, mode: np.ndarray, heat: float, noise: np.ndarray,
             control: np.ndarray | None = None, given: np.ndarray | None = None) -> np.ndarray:
        """[N, steps, 20] of codes [N, pairs of bars, 64] on key-relative chords [N, steps], all in one metre."""
        count, steps = chords.shape
        pair = 32 if metre[0] == 0 else 24
        ahead, fresh = changes(chords)
        nothing = np.zeros((count, steps, 3), np.float32)
        control, given = nothing if control is None else control, nothing if given is None else given
        played, found = np.zeros((count, PLAYED), np.float32), []
        for at in range(steps):
            if at % pair == 0:
                condition, state = self.run["start"](None, {"latent": latents[:, at // pair]})
            bass, number, slots, state = self.run["step"](None, {
                "condition": condition, "played": played, "chord": chords[:, at], "ahead": ahead[:, at], "fresh": fresh[:, at],
                "phase": np.full(count, at % pair), "metre": metre, "mode": mode, "control": control[:, at], "given": given[:, at],
                "state": state})
            played = struck(bass, number, slots, heat, noise[:, at])
            silent = chords[:, at] >= NONE
            played[silent] = 0
            played[silent, 0] = 1
            found.append(played)
        return np.stack(found, 1)


def notes(played: np.ndarray, chords: np.ndarray, shift: int) -> list[tuple[int, int, int]]:
    """(step, length, pitch) of what was struck [steps, 20], in order of step and pitch, without `touch`: an upper note lasts
    until the next upper notes, a bass note until the next of the bass, each until the chord changes at most."""
    steps, found = len(played), []
    _, fresh = changes(chords[None])
    upper, low = played[:, len(BASS):].any(1), played[:, 0] == 0

    def until(at: int, again: np.ndarray) -> int:
        after = [t for t in range(at + 1, steps) if again[t] or fresh[0, t]]
        return (after[0] if after else steps) - at

    for at in range(steps):
        bass = bass_pitch(int(chords[at]), int(played[at, :len(BASS)].argmax()), shift)
        pitches = slot_pitches(int(chords[at]), shift)
        here = [] if bass is None else [(at, until(at, low), bass)]
        here += [(at, until(at, upper), pitches[k]) for k in np.flatnonzero(played[at, len(BASS):]) if pitches and pitches[k] != bass]
        found += sorted(here, key=lambda n: n[2])
    return found
