#!/usr/bin/env python3
"""Cuts the power while a run records, on a disk that loses what the system still kept in memory, and starts again there.

    sudo tests/power_cuts.py target/release/score [CUTS]

The disk is a file system of its own in a file. A copy of that file has what the file system has written back until then,
flushed or not: what it still keeps in memory is not in it. A disk that loses what it was given and not yet told to keep
would have less. Each copy is mounted as after a power cut, and the same run is started on it with what it kept. It
needs root, mkfs.ext4, and JACK's server with its dummy driver (jackd2). It ends with 1 if more than the last second of a
take is lost, something is half written, or no music plays within five seconds.
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

SIZE = 256
"""Megabytes of the disk."""
RATE = 48_000
LOST = 1.0
"""Seconds of a take that may be lost."""
PLAYS = 5.0
"""Seconds until music plays after a start."""
SERVER = f"cuts{os.getpid()}"

PATCH = """Patch(format: 1, transport: (sample_rate: 48000), nodes: {
    "tone": tone(frequency: 330, gain: -20), "every": every(every: 1),
    "take": recorder(path: "take.wav", part: 0.005), "sound": audio_out(device: "JACK"),
}, wires: ["tone -> take.sound", "every -> take.events", "tone -> sound"])"""


def start(program, folder, logs):
    """A run that is kept alive, whose patch, takes and state lie in `folder`; what it says, in a folder of its own in
    `logs`."""
    status = Path(tempfile.mkdtemp(dir=logs)) / "status.jsonl"
    command = [program, "run", folder / "show.ron", "--quiet", "--no-remote", "--keep-alive", "--state", folder / "state",
               "--status-json", status]
    with open(status.with_name("log"), "wb") as log:
        run = subprocess.Popen(command, env=os.environ | {"JACK_DEFAULT_SERVER": SERVER}, stderr=log)
    return run, status


def callbacks(status):
    """How often the sound server has asked for sound, by the newest line of the status."""
    if not status.exists():
        return 0
    lines = status.read_bytes().rpartition(b"\n")[0].splitlines()
    nodes = json.loads(lines[-1])["nodes"] if lines else []
    return next((node["counters"].get("callbacks", 0) for node in nodes if node["id"] == "sound"), 0)


def plays(status, seconds):
    """Seconds until sound is asked for; `None`: it is not."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        if callbacks(status) > 0:
            return time.monotonic() - begun
        time.sleep(0.05)
    return None


def end(run):
    run.send_signal(signal.SIGINT)
    try:
        run.wait(20)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()


def frames(path):
    """How many frames a WAV says that it has, all of which must be there."""
    with wave.open(str(path)) as file:
        said = file.getnframes()
        if len(file.readframes(said)) != said * file.getnchannels() * file.getsampwidth():
            raise ValueError("it is shorter than it says")
        return said


def takes(folder):
    """The takes in `folder` that have their names."""
    return [path for path in folder.glob("*.wav") if not path.name.startswith(".")]


def so_far(folder):
    """Frames of all takes in `folder`, with the one that grows as far as it was written."""
    # First: one that gets its name meanwhile is left out, rather than counted twice.
    named = sum(map(frames, takes(folder)))
    growing = 0
    for path in folder.glob(".*take*.wav*partial*"):
        try:
            growing += max(0, path.stat().st_size - 80) // 4
        except FileNotFoundError:
            pass
    return named + growing


def before(folder):
    """Frames of the takes in `folder` but for the newest: the run that came after recorded that."""
    if not takes(folder):
        raise ValueError("there is none")
    *older, _ = sorted(takes(folder), key=lambda path: path.stat().st_mtime)
    return sum(map(frames, older))


def main():
    program, cuts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    folder = Path(tempfile.mkdtemp(prefix="cuts"))
    image, copy, disk, again, logs = (folder / name for name in ("image", "copy", "disk", "again", "logs"))
    for place in (disk, again, logs):
        place.mkdir()
    dice, faults, lost, back = random.Random(7), [], [], []
    jack, run = None, None
    try:
        with open(image, "wb") as file:
            file.truncate(SIZE * 1_000_000)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, disk], check=True)
        (disk / "show.ron").write_text(PATCH)
        os.sync()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        jack = subprocess.Popen(["jackd", "-n", SERVER, "-d", "dummy", "-r", str(RATE), "-p", "1024"], **quiet)
        time.sleep(1)
        run, status = start(program, disk, logs)
        if plays(status, 60) is None:
            sys.exit(f"it did not begin; look at {status.parent}")
        for cut in range(cuts):
            time.sleep(1 + 4 * dice.random())
            written = so_far(disk)
            # Holes are left out, so that this takes a moment.
            subprocess.run(["cp", "--sparse=always", image, copy], check=True)
            subprocess.run(["mount", "-o", "loop", copy, again], check=True)
            second = None
            try:
                second, said = start(program, again, logs)
                took = plays(said, 30)
                time.sleep(0.5)
                end(second)
                if took is None:
                    faults.append(f"cut {cut}: no music within 30 s")
                elif took > PLAYS:
                    faults.append(f"cut {cut}: music was back after {took:.1f} s")
                else:
                    back.append(took)
                try:
                    missing = (written - before(again)) / RATE
                    lost.append(missing)
                    if missing > LOST:
                        faults.append(f"cut {cut}: {missing:.2f} s of a take are lost; look at {said.parent}")
                except (ValueError, OSError, wave.Error) as error:
                    faults.append(f"cut {cut}: a take cannot be read: {error}")
                half = [path.name for path in again.iterdir() if re.search(r"partial|\.tmp", path.name)]
                if half:
                    faults.append(f"cut {cut}: half written: {', '.join(half)}")
            finally:
                if second is not None and second.poll() is None:
                    end(second)
                subprocess.run(["umount", again], check=True)
    finally:
        if run is not None:
            end(run)
        # One that is killed keeps its place among the eight servers that there may be.
        if jack is not None:
            jack.terminate()
            jack.wait()
        for place in (again, disk):
            if os.path.ismount(place):
                subprocess.run(["umount", "-l", place], check=False)
        # What the runs said stays where it may be looked at.
        for file in (image, copy):
            file.unlink(missing_ok=True)
    if not faults:
        shutil.rmtree(folder)
    if back and lost:
        print(f"{cuts} power cuts: music is back after {max(back):.2f} s at most, of a take {max(lost):.2f} s are lost at most")
    for fault in faults:
        print(f"FAULT {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
