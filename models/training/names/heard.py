"""What is measured of music, one number for each piece: of melodies, drums, chords, accompaniments."""
import numpy as np
from common.chords import COUNT, MINOR, NONE, TENSION
from texture.slots import BASS

BAR = 16
WEIGHT = np.array([0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4])
"""How strong each sixteenth of a bar of 4/4 is (Longuet-Higgins and Lee, 1984)."""
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_KEY = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well each pitch class fits a key (Krumhansl and Kessler, 1982)."""


def syncopation(onset: np.ndarray) -> np.ndarray:
    """Of [N, steps] onsets: the sum over notes of how much stronger the strongest sixteenth is that they are held or rest over."""
    found, strongest = np.zeros(len(onset)), np.full(len(onset), -9)
    for step in reversed(range(onset.shape[1])):
        weight = WEIGHT[step % BAR]
        found += np.where(onset[:, step], (strongest - weight).clip(0), 0)
        strongest = np.where(onset[:, step], -9, np.maximum(strongest, weight))
    return found


def sounding(tokens: np.ndarray) -> np.ndarray:
    """The pitch at each sixteenth, 0 in a rest."""
    pitch = np.zeros_like(tokens)
    for step in range(tokens.shape[1]):
        now, before = tokens[:, step], pitch[:, step - 1] if step else 0
        pitch[:, step] = np.where(now > 1, now + 19, np.where(now == 1, 0, before))
    return pitch


def classes(pitch: np.ndarray) -> np.ndarray:
    """[N, 12]: how long each pitch class sounds."""
    return np.stack([((pitch > 0) & (pitch % 12 == c)).sum(1) for c in range(12)], 1).astype(float)


def brightness(share: np.ndarray) -> np.ndarray:
    """How much better the best major key fits than the best minor one (correlations with the keys' profiles)."""
    def best(profile: np.ndarray) -> np.ndarray:
        keys = np.stack([np.roll(profile, k) for k in range(12)])
        a, b = share - share.mean(1, keepdims=True), keys - keys.mean(1, keepdims=True)
        return (a @ b.T / (np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)).clip(1e-9)).max(1)

    return best(MAJOR) - best(MINOR_KEY)


def tension(share: np.ndarray) -> np.ndarray:
    """How far apart on the circle of fifths what sounds lies: 0 for one pitch class, 1 all round the circle."""
    around = share @ np.exp(2j * np.pi * 7 * np.arange(12) / 12)
    return 1 - np.abs(around) / share.sum(1).clip(1)


def spread(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(values.std(), 1e-9)


def melody(played: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What is measured of melodies, and which have enough notes to be."""
    tokens = played["tokens"]
    onset, pitch = tokens > 1, sounding(tokens)
    count = onset.sum(1)
    at = np.where(onset, tokens + 19, 0)
    first = onset.argmax(1)
    leaps, rising = np.zeros(len(tokens)), np.zeros(len(tokens))
    for row in range(len(tokens)):
        notes = at[row][onset[row]]
        if len(notes) > 1:
            leaps[row] = np.abs(np.diff(notes)).mean()
            rising[row] = np.polyfit(np.flatnonzero(onset[row]), notes, 1)[0]
    half = tokens.shape[1] // 2
    either = ((tokens[:, :half] > 0) | (tokens[:, half:] > 0)).sum(1).clip(1)
    share = classes(pitch)
    register = at.sum(1) / count.clip(1)
    after = np.arange(tokens.shape[1]) >= first[:, None]
    found = {"density": count, "register": register, "range": at.max(1) - np.where(onset, at, 200).min(1), "syncopation": syncopation(onset),
             "brightness": brightness(share), "tension": tension(share), "energy": spread(count) + spread(leaps) + spread(register),
             "legato": ((pitch > 0) & after).sum(1) / after.sum(1), "leaps": leaps, "rising": rising,
             "repetition": 1 - (tokens[:, :half] != tokens[:, half:]).sum(1) / either}
    return {n: v.astype(float) for n, v in found.items()}, count >= 4


def drums(played: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of drums: kick, snare, closed and open hat, low, middle and high tom, crash, ride."""
    hits, loud = played["hits"], played["loud"]
    every, count = hits.sum(1), hits.sum((1, 2))
    low = (hits[:, :, 0] + hits[:, :, 1] > 0)
    half = hits.shape[1] // 2
    either = ((hits[:, :half] + hits[:, half:]) > 0).sum((1, 2)).clip(1)
    last = hits[:, -8:].sum((1, 2))
    found = {"density": count, "syncopation": syncopation(low), "energy": loud.sum((1, 2)), "range": (every > 0).sum(1),
             "register": (every @ np.array([0, 2, 4, 4, 1, 1.5, 2, 4, 4])) / count.clip(1), "brightness": every[:, [2, 3, 7, 8]].sum(1) / count.clip(1),
             "legato": every[:, [3, 7, 8]].sum(1) / count.clip(1), "kick": every[:, 0], "snare": every[:, 1], "toms": every[:, 4:7].sum(1),
             "fill": last - (count - last) / 3, "repetition": 1 - np.abs(hits[:, :half] - hits[:, half:]).sum((1, 2)) / either,
             "loudness": loud.sum((1, 2)) / count.clip(1)}
    return {n: v.astype(float) for n, v in found.items()}, count >= 4


def harmony(played: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of chords, half bar by half bar."""
    chords, mode = played["chords"], played["mode"]
    root, family = chords // COUNT, chords % COUNT
    changed = chords[:, 1:] != chords[:, :-1]
    off = changed[:, ::2]  # from the first half of a bar to its second
    motion = (root[:, 1:] - root[:, :-1]) % 12
    found = {"brightness": -MINOR[chords].mean(1), "tension": TENSION[chords].mean(1), "density": changed.mean(1),
             "range": np.array([len(set(c)) for c in chords]), "syncopation": off.mean(1), "sevenths": np.isin(family, (2, 3, 4, 8)).mean(1),
             "home": (root == np.where(mode, 9, 0)[:, None]).mean(1), "fifths": (np.isin(motion, (5, 7)) & changed).sum(1) / changed.sum(1).clip(1)}
    return {n: v.astype(float) for n, v in found.items()}, (chords < NONE).all(1)


def texture(played: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of accompaniments: six bass classes, and slots of chord tones from low to high."""
    rows = played["played"]
    bass, slots = rows[:, :, 0] == 0, rows[:, :, len(BASS):] > 0
    upper, count = slots.any(2), slots.sum((1, 2))
    place = np.arange(slots.shape[2])
    half = rows.shape[1] // 2
    either = ((slots[:, :half] | slots[:, half:]).sum((1, 2)) + (bass[:, :half] | bass[:, half:]).sum(1)).clip(1)
    differs = (slots[:, :half] != slots[:, half:]).sum((1, 2)) + (bass[:, :half] != bass[:, half:]).sum(1)
    used = slots.any(1)
    found = {"density": (upper | bass).sum(1), "register": (slots.sum(1) @ place) / count.clip(1),
             "range": np.where(used, place, 0).max(1) - np.where(used, place, 99).min(1), "syncopation": syncopation(upper | bass),
             "energy": count + bass.sum(1), "fullness": count / upper.sum(1).clip(1), "bass": bass.sum(1), "broken": upper.sum(1) / count.clip(1),
             "repetition": 1 - differs / either}
    return {n: v.astype(float) for n, v in found.items()}, count >= 2


MEASURES = {"melody": melody, "stream": melody, "lead": melody, "lead_transformer": melody, "drums": drums, "harmony": harmony, "texture": texture}
SUMMARIES = {
    "density": "how many notes", "register": "how high", "range": "how far from the lowest to the highest", "syncopation": "notes off the beat",
    "brightness": "major rather than minor", "tension": "how far apart on the circle of fifths", "energy": "many notes, high and leaping",
    "legato": "notes held until the next", "leaps": "how far from note to note", "rising": "the tune climbs", "repetition": "the second half is like the first"}
OF = {
    "drums": {"density": "how many hits", "register": "cymbals rather than low drums", "range": "how many different drums", "brightness": "share of hats and cymbals",
              "energy": "how much loudness in all", "legato": "share of open hats, crashes and rides", "kick": "how many hits of the kick",
              "snare": "how many hits of the snare", "toms": "how many hits of toms", "fill": "more in the last half bar", "loudness": "how loud each hit is"},
    "harmony": {"density": "how often chords change", "brightness": "major rather than minor chords", "tension": "chords foreign to the key, sevenths, leading notes",
                "range": "how many different chords", "syncopation": "chords change within a bar", "sevenths": "share of seventh chords",
                "home": "share of the tonic", "fifths": "share of roots that move by a fifth"},
    "texture": {"density": "how many sixteenths are struck", "energy": "how many notes", "fullness": "notes at once", "bass": "how often the bass is struck",
                "broken": "one note after another rather than chords"}}
