"""Writes models/manifest.ron from the model files that are present."""
import argparse
import hashlib
import json
from pathlib import Path
import onnx

KINDS = {1: "float32", 2: "uint8", 7: "int64"}
MODELS = {
    "melody": ("music", "two-bar melodies",
               "Some((steps: 32, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90))"),
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
    files, latent, picture = "", 64, "None"
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
    return (f'        "{name}": Model(\n            task: {task},\n            summary: "{summary}",\n'
            f'            latent: {latent},\n            licence: "MIT OR Apache-2.0",\n'
            f'            card: "{name}/CARD.md",\n            files: {{\n{files}            }},\n'
            f'            music: {music},\n            picture: {picture},\n'
            f'            golden: "{name}/golden.json",\n        ),\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path(__file__).resolve().parent.parent)
    folder = parser.parse_args().models
    present = [n for n in MODELS if (folder / n / "encoder.onnx").exists() and (folder / n / "golden.json").exists()]
    text = "".join(entry(folder / n, n) for n in present)
    (folder / "manifest.ron").write_text(f"Manifest(\n    format: 1,\n    models: {{\n{text}    }},\n)\n")


if __name__ == "__main__":
    main()
