"""Writes models/manifest.ron from the model files that are present; entries of other models stay as they are."""
import argparse
import hashlib
import json
import re
from pathlib import Path
import onnx

KINDS = {1: "float32", 2: "uint8", 7: "int64"}
MODELS = {
    "melody": ("music", "two-bar melodies",
               "Some((steps: 32, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90))"),
    "drums": ("music", "two-bar drum patterns",
              "Some((steps: 32, steps_per_bar: 16, tokens: 512, lowest_pitch: 0, start_token: 512, drums: true))"),
    "stream": ("stream", "melodies bar by bar, that answer at every sixteenth",
               "Some((steps: 16, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90))"),
    "harmony": ("harmony", "chords, half bar by half bar", "None"),
    "lead": ("lead", "melodies on chords, that answer at every sixteenth",
             "Some((steps: 16, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90))"),
    "lead_transformer": ("lead", "melodies on chords, that remember sixteen bars",
                         "Some((steps: 16, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90))"),
    "texture": ("texture", "accompaniments on chords, two bars at a time", "None"),
    "touch": ("touch", "how notes are struck: velocity, timing, length, pedal", "None"),
    "eye": ("picture", "what a picture shows", "None"),
}


def ports(values: list) -> dict[str, list]:
    """Name to [kind, dimensions] of a graph's inputs or outputs."""
    return {v.name: [KINDS[v.type.tensor_type.elem_type],
                     [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]] for v in values}


def measured(found: dict[str, list], golden: dict) -> dict[str, list]:
    """The ports with every symbolic dimension but the batch replaced by what the golden vectors have."""
    return {name: [kind, dims[:1] + [golden[name]["shape"][i] if isinstance(d, str) else d
                                     for i, d in enumerate(dims) if i > 0]]
            for name, (kind, dims) in found.items()}


def listed(found: dict[str, list]) -> str:
    """Ports as a RON map; the first dimension is always the batch."""
    texts = (f'"{n}": "{kind}[{",".join(["N", *map(str, dims[1:])])}]"' for n, (kind, dims) in found.items())
    return "{ " + ", ".join(texts) + " }"


def entry(folder: Path, name: str) -> str:
    """The manifest's entry of one model."""
    task, summary, music = MODELS[name]
    golden = json.loads((folder / "golden.json").read_text())
    files, latent, picture = "", 0 if task == "touch" else 64, "None"
    for path in sorted(folder.glob("*.onnx")):
        data, graph = path.read_bytes(), onnx.load(path).graph
        assert path.stem in golden["files"], f"no golden vectors for {path.name}"
        vectors = golden["files"][path.stem]
        inputs = measured(ports(list(graph.input)), vectors["inputs"])
        outputs = measured(ports(list(graph.output)), vectors["outputs"])
        if path.stem == "encoder":
            latent = next(iter(outputs.values()))[1][1]
        if task == "picture" and path.stem == "encoder":
            dims = inputs["frames"][1]
            picture = f"Some((width: {dims[2]}, height: {dims[1]}))"
        files += (f'                "{path.stem}": File(path: "{name}/{path.name}", '
                  f'sha256: "{hashlib.sha256(data).hexdigest()}", bytes: {len(data)},\n'
                  f"                    inputs: {listed(inputs)}, outputs: {listed(outputs)}),\n")
    names = "None"
    if (path := folder / "names.ron").exists():
        data = path.read_bytes()
        names = f'Some((path: "{name}/names.ron", sha256: "{hashlib.sha256(data).hexdigest()}", bytes: {len(data)}))'
    return (f'        "{name}": Model(\n            task: {task},\n            summary: "{summary}",\n'
            f'            latent: {latent},\n            licence: "MIT OR Apache-2.0",\n'
            f'            card: "{name}/CARD.md",\n            files: {{\n{files}            }},\n'
            f'            music: {music},\n            picture: {picture},\n'
            f'            names: {names},\n            golden: "{name}/golden.json",\n        ),\n')


def closing(text: str, opening: int) -> int:
    """The place behind the bracket that closes the one at `opening`; brackets in strings do not count."""
    depth, at = 0, opening
    while at < len(text):
        if text[at] == '"':
            at += 1
            while text[at] != '"':
                at += 2 if text[at] == "\\" else 1
        depth += (text[at] in "({[") - (text[at] in ")}]")
        at += 1
        if depth == 0:
            return at
    raise ValueError("a bracket of manifest.ron is not closed")


def others(text: str, written: list[str]) -> list[str]:
    """The entries in a manifest's text of all models but those `written` anew, such as imported ones."""
    begin = re.search(r"\bmodels\s*:\s*\{", text)
    if not begin:
        raise ValueError("manifest.ron has no `models`")
    at, end, found = begin.end(), closing(text, begin.end() - 1) - 1, []
    while entry := re.compile(r'\s*"([^"\\]+)"\s*:\s*(?:Model\s*)?(\()').match(text, at, end):
        at = closing(text, entry.start(2))
        if entry[1] not in written:
            found.append(f"        {text[entry.start():at].strip()},\n")
        at += len(re.compile(r"\s*,?").match(text, at, end)[0])
    if text[at:end].strip():
        raise ValueError(f"manifest.ron cannot be read from here on: {text[at:end].strip()[:60]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path(__file__).resolve().parent.parent)
    folder = parser.parse_args().models
    present = [n for n in MODELS if any((folder / n).glob("*.onnx")) and (folder / n / "golden.json").exists()]
    manifest = folder / "manifest.ron"
    kept = others(manifest.read_text(), present) if manifest.exists() else []
    text = "".join([entry(folder / n, n) for n in present] + kept)
    manifest.write_text(f"Manifest(\n    format: 1,\n    models: {{\n{text}    }},\n)\n")


if __name__ == "__main__":
    main()
