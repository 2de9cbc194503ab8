#!/usr/bin/env python3
"""Takes a camera, the sound server and the disk away from three runs for an hour, gives them back, and prints how soon
each is as it was, and what memory, threads and open files did meanwhile.

    sudo tests/hour_of_faults.py target/release/score [MINUTES]

It needs JACK's server with its dummy driver (jackd2) and ffmpeg, and, for a small disk of its own, root. It ends with 1
if something did not come back, or grew.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 60
"""Seconds in which a run must play at first."""
WARMS = 60
"""Seconds that it plays before anything is taken from it, so that its memory has settled."""
BACK = 30
"""Seconds after which what has not come back is given up."""
GROWS = 8.0
"""Megabytes that a run's memory may grow in the hour."""
PORT = 18737
SERVER = f"faults{os.getpid()}"

CAMERA = f"""Patch(format: 1, nodes: {{
    "camera": video_stream(url: "http://127.0.0.1:{PORT}/"), "eye": frame_encoder(model: "eye"),
    "tune": music_decoder(model: "melody"), "piano": synth(voice: electric_piano), "sound": audio_out(device: "JACK"),
}}, wires: ["camera -> eye -> tune -> piano -> sound"])"""
SOUND = """Patch(format: 1, nodes: {
    "tone": tone(frequency: 330, gain: -20), "sound": audio_out(device: "JACK"),
}, wires: ["tone -> sound"])"""
DISK = """Patch(format: 1, nodes: {
    "tone": tone(frequency: 330, gain: -20), "take": recorder(path: "disk/take.wav", part: 0.02),
    "sound": audio_out(device: "JACK"),
}, wires: ["tone -> take.sound", "tone -> sound"])"""


def camera():
    """A network camera that serves whoever calls first."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15"]
    return subprocess.Popen(["ffmpeg", "-v", "quiet", "-nostdin", *source, "-f", "mpjpeg", "-listen", "1",
                             f"http://127.0.0.1:{PORT}/"])


def server():
    """JACK's server without a sound card."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(["jackd", "-n", SERVER, "-d", "dummy", "-r", "48000", "-p", "1024"], **quiet)


class Served:
    """What is started again whenever it ends, as a camera is that somebody else looks at too."""

    def __init__(self, start):
        self.start, self.process = start, start()

    def look(self):
        if self.process is not None and self.process.poll() is not None:
            self.process = self.start()

    def take_away(self):
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def give_back(self):
        self.process = self.start()


class Run:
    """A run of `score`, and what is known of it."""

    def __init__(self, program, folder, name, text, told):
        patch = folder / f"{name}.ron"
        patch.write_text(text)
        self.name, self.told, self.status = name, told, folder / f"{name}.jsonl"
        self.log = folder / f"{name}.log"
        command = [program, "run", patch, "--quiet", "--status-json", self.status, "--log-file", self.log, "--no-remote"]
        self.process = subprocess.Popen(command, env=os.environ | {"JACK_DEFAULT_SERVER": SERVER})
        self.read, self.last = 0, None

    def newest(self):
        """The newest line of its status."""
        if self.status.exists():
            with open(self.status, "rb") as file:
                file.seek(self.read)
                lines = file.read().rpartition(b"\n")[0].splitlines(keepends=True)
            if lines:
                self.read += sum(map(len, lines))
                self.last = json.loads(lines[-1])
        return self.last or {"nodes": [], "wires": []}

    def works(self):
        """Whether all that it plays, sees and keeps moves now."""
        return self.process.poll() is None and self.told(self)

    def uses(self):
        """Its memory in megabytes, threads and open files."""
        of = Path("/proc") / str(self.process.pid)
        lines = (line.split() for line in (of / "status").read_text().splitlines())
        said = {words[0]: words[1] for words in lines if len(words) > 1}
        return int(said["VmRSS:"]) / 1024, int(said["Threads:"]), len(list((of / "fd").iterdir()))


def node(run, name):
    return next((node for node in run.newest()["nodes"] if node["id"] == name), {})


def size(file):
    """How long a file is; 0: it got another name meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def rises(read):
    """Whether a number that `read` gives of a run has risen since it was asked last."""
    before = {}

    def told(run):
        now = read(run)
        was, before[run.name] = before.get(run.name, now), now
        return now > was
    return told


def wait(runs, seconds, served):
    """Seconds until each of the runs works; those that do not within `seconds` are left out."""
    begun, found = time.monotonic(), {}
    for run in runs:
        run.told(run)
    while time.monotonic() < begun + seconds and len(found) < len(runs):
        time.sleep(0.1)
        for thing in served:
            thing.look()
        for run in runs:
            if run.name not in found and run.works():
                found[run.name] = time.monotonic() - begun
    return found


def pause(seconds, served):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for thing in served:
            thing.look()
        time.sleep(0.5)


def main():
    program, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    folder = Path(tempfile.mkdtemp(prefix="faults"))
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk], check=True)
    served, runs, faults, takes = [], [], [], []
    try:
        for thing in (server, camera):
            served.append(Served(thing))
        jack, eye = served
        time.sleep(1)
        pictures = rises(lambda run: next((wire["sent"] for wire in run.newest()["wires"]
                                           if wire["name"] == "camera.frames -> eye.frames"), 0))
        callbacks = rises(lambda run: node(run, "sound").get("counters", {}).get("callbacks", 0))
        kept = rises(lambda run: sum(map(size, disk.glob("*take*"))))
        told = {"camera": (CAMERA, pictures), "sound": (SOUND, callbacks), "disk": (DISK, kept)}
        for name, what in told.items():
            runs.append(Run(program, folder, name, *what))
        first = wait(runs, STARTS, served)
        if len(first) < len(runs):
            sys.exit(f"these did not begin: {set(told) - set(first)}; look at {folder}")
        pause(WARMS, served)
        before = {run.name: run.uses() for run in runs}
        print(f"taken away for {minutes:g} minutes: the network camera, JACK's server, all room on the disk", flush=True)
        eye.take_away()
        jack.take_away()
        filler = disk / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(bytes(65_536))
                    file.flush()
            except OSError:
                pass
        pause(minutes * 60, [])
        for run in runs:
            run.told(run)
        pause(3, [])
        for run in runs:
            if run.process.poll() is not None:
                faults.append(f"{run.name}: the run ended with {run.process.returncode}")
            elif run.works():
                faults.append(f"{run.name}: it works though what it needs is gone")
        gone = {run.name: run.uses() for run in runs if run.process.poll() is None}
        eye.give_back()
        jack.give_back()
        filler.unlink()
        back = wait(runs, BACK, served)
        pause(WARMS / 2, served)
        print("run: seconds until it was as before; memory in MB, threads, open files before, at the end of the hour, after")
        for run in runs:
            if run.name not in back:
                faults.append(f"{run.name}: it did not come back within {BACK} s; look at {run.log}")
                continue
            after = run.uses()
            uses = ", then ".join(f"{memory:.1f} {threads} {files}"
                                  for memory, threads, files in (before[run.name], gone[run.name], after))
            print(f"{run.name}: {back[run.name]:.1f} s; {uses}")
            if after[0] > before[run.name][0] + GROWS or after[1] > before[run.name][1] or after[2] > before[run.name][2]:
                faults.append(f"{run.name}: it grew")
    finally:
        for run in runs:
            run.process.send_signal(signal.SIGINT)
        for run in runs:
            try:
                run.process.wait(20)
            except subprocess.TimeoutExpired:
                run.process.kill()
                run.process.wait()
        for thing in served:
            if thing.process is not None:
                thing.process.terminate()
                thing.process.wait()
        takes += sorted(file.name for file in disk.glob("*"))
        subprocess.run(["umount", "-l", disk], check=False)
    print(f"takes on the disk afterwards: {', '.join(takes)}")
    if any(".partial" in name for name in takes):
        faults.append("a take is half written")
    for run in runs:
        print(f"log of {run.name}: {len(run.log.read_text().splitlines())} lines, {run.log}")
    for fault in faults:
        print(f"FAULT {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
