"""Chords for tunes that have none: a hidden Markov model of lead sheets, from whose posterior chords are drawn; the likeliest
chords would change too seldom."""
import numpy as np
from common.chords import CHORDS, NONE
from songs.song import BARS, Song, sounding

STEP = (8, 12, 12)
"""Sixteenths that a chord lasts at least."""
STATES = 40
"""The commonest chords of each mode; the others are not given."""
BELIEVED = 0.45
"""What a sixteenth of melody counts against the chords around it: notes that follow one another say the same twice."""


def steps(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Chord of each step, and [steps, 12] how long each pitch class sounds in it, twice where it is struck on the beat."""
    size = STEP[song.metre]
    count = len(song.melody) // size
    pitch, strong = sounding(song.melody), np.arange(len(song.melody)) % size == 0
    weights = np.zeros((count, 12))
    sounds = pitch[:count * size] > 0
    at = np.arange(count * size)[sounds]
    np.add.at(weights, (at // size, pitch[at] % 12), 1.0 + 2.0 * (strong & (song.melody > 1))[at])
    return song.chords[:count * size:size], weights


class Harmoniser:
    """Bigrams of chords and their notes, by mode, from songs that have both."""

    def __init__(self, songs: list[Song]) -> None:
        self.move, self.says, self.first = (np.full(s, v) for s, v in (((2, 3, CHORDS, CHORDS), 0.02), ((2, CHORDS, 12), 0.5), ((2, CHORDS), 0.1)))
        for song in songs:
            if song.source == "pop909" and song.metre == 0:
                weight = 0.1  # lead sheets are nearer to a fiddler's accompaniment
            else:
                weight = 1.0
            chords, weights = steps(song)
            for metre in ((0,) if song.metre == 0 else (1, 2)):
                np.add.at(self.move[song.mode, metre], (chords[:-1], chords[1:]), weight)
            np.add.at(self.says[song.mode], chords, weight * weights)
            np.add.at(self.first[song.mode], chords, weight)
        self.first[:, NONE], self.move[..., NONE] = 0, 0
        for mode in (0, 1):
            rare = np.argsort(-self.first[mode])[STATES:]
            self.first[mode, rare], self.move[mode, :, :, rare] = 0, 0
        self.move /= self.move.sum(3, keepdims=True)
        self.says = np.log(self.says / self.says.sum(2, keepdims=True))
        self.first /= self.first.sum(1, keepdims=True)

    def drawn(self, song: Song, rng: np.random.Generator) -> np.ndarray:
        """A chord for each sixteenth, drawn given the whole melody; a piece ends on its tonic where its melody lets it."""
        _, weights = steps(song)
        said = np.exp(BELIEVED * (weights @ self.says[song.mode].T))
        move = self.move[song.mode, song.metre]
        forward = [self.first[song.mode] * said[0]]
        for row in said[1:]:
            now = (forward[-1] / forward[-1].sum()) @ move * row
            forward.append(now)
        found, after = [], None
        for row in reversed(forward):
            odds = row if after is None else row * move[:, after]
            after = int(rng.choice(CHORDS, p=odds / odds.sum()))
            found.append(after)
        return np.repeat(found[::-1], STEP[song.metre])[:len(song.melody)]
