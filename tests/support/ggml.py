"""A Whisper model of CTranslate2 in the format that whisper.cpp takes, for tests of that backend.

No package carries a ggml model, so the one of the other tests is written anew: same weights, same
vocabulary. The two layouts are told by ctranslate2's model_spec.py and whisper.cpp's
convert-pt-to-ggml.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]
TYPES = {0: "f4", 1: "i1", 2: "i2", 3: "i4", 4: "f2"}
MELS, BINS = 80, 201
NORM = {"gamma": "weight", "beta": "bias"}


def convert(folder: Path, target: Path) -> None:
    """Write the model in a folder as a ggml file of 16 bit."""
    weights = read_weights(folder / "model.bin")
    tokens = base_tokens(folder)
    with target.open("wb") as file:
        file.write(struct.pack("<i11i", 0x67676D6C, *shape_of(weights), MELS, 1))
        file.write(struct.pack("<2i", MELS, BINS) + mel_filters().astype("<f4").tobytes())
        file.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for name, tensor in renamed(weights):
            write_tensor(file, name, tensor)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The variables of a CTranslate2 model by name."""
    data, at = path.read_bytes(), 0

    def take(kind: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from(f"<{kind}", data, at)
        at += struct.calcsize(f"<{kind}")
        return value

    def text() -> str:
        nonlocal at
        size = take("H")
        at += size
        return data[at - size : at].rstrip(b"\0").decode()

    assert (take("I"), text(), take("I")) == (6, "WhisperSpec", 3)
    found = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = np.dtype(TYPES[take("B")]), take("I")
        found[name] = np.frombuffer(data, kind, size // kind.itemsize, at).reshape(shape)
        at += size
    return found


def shape_of(weights: dict[str, Tensor]) -> list[int]:
    """Size of the vocabulary; then contexts, states, heads and layers of encoder and decoder."""
    sizes = [len(weights["decoder/embeddings/weight"])]
    for part in ("encoder", "decoder"):
        context, state = weights[f"{part}/position_encodings/encodings"].shape
        layers = sum(name.startswith(f"{part}/") for name in weights if "ffn/linear_0/bias" in name)
        sizes += [context, state, int(weights[f"{part}/num_heads"]), layers]
    return sizes


def base_tokens(folder: Path) -> list[bytes]:
    """The vocabulary without special tokens, as bytes where the file has GPT-2's stand-ins."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    byte_of = {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}
    words = (folder / "vocabulary.txt").read_text().split("\n")
    return [bytes(byte_of[c] for c in word) for word in words[: words.index("<|endoftext|>")]]


def mel_filters() -> Tensor:
    from faster_whisper.feature_extractor import FeatureExtractor

    filters: Tensor = FeatureExtractor(feature_size=MELS).mel_filters
    assert filters.shape == (MELS, BINS)
    return filters


def renamed(weights: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The tensors by the names of OpenAI's program."""
    yield "decoder.token_embedding.weight", weights["decoder/embeddings/weight"]
    for conv in ("conv1", "conv2"):
        yield f"encoder.{conv}.weight", weights[f"encoder/{conv}/weight"]
        yield f"encoder.{conv}.bias", weights[f"encoder/{conv}/bias"].reshape(-1, 1)
    for part, last in (("encoder", "ln_post"), ("decoder", "ln")):
        encodings = weights[f"{part}/position_encodings/encodings"]
        yield f"{part}.positional_embedding", encodings.astype("f4")
        for old, new in NORM.items():
            yield f"{part}.{last}.{new}", weights[f"{part}/layer_norm/{old}"]
    for name, tensor in weights.items():
        part, _, rest = name.partition("/layer_")
        number, _, rest = rest.partition("/")
        if number.isdecimal():
            for new, piece in in_block(rest, tensor):
                yield f"{part}.blocks.{number}.{new}", piece


def in_block(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """One tensor of a block, which CTranslate2 has fused, by its names in the block."""
    group, _, rest = name.partition("/")
    layer, _, kind = rest.partition("/")
    ours = {"self_attention": "attn", "attention": "cross_attn", "ffn": "mlp"}[group]
    if layer == "layer_norm":
        yield f"{ours}_ln.{NORM[kind]}", tensor
        return
    parts = {
        ("mlp", "linear_0"): ["0"],
        ("mlp", "linear_1"): ["2"],
        ("attn", "linear_0"): ["query", "key", "value"],
        ("attn", "linear_1"): ["out"],
        ("cross_attn", "linear_0"): ["query"],
        ("cross_attn", "linear_1"): ["key", "value"],
        ("cross_attn", "linear_2"): ["out"],
    }[ours, layer]
    for part, piece in zip(parts, np.split(tensor, len(parts)), strict=True):
        if (part, kind) != ("key", "bias"):  # it has none: zeros
            yield f"{ours}.{part}.{kind}", piece


def write_tensor(file: IO[bytes], name: str, tensor: Tensor) -> None:
    """Weights stay in 16 bit; what has one dimension, or would have, is in 32."""
    plain = tensor.ndim < 2 or tensor.shape[1] == 1 or name.endswith("positional_embedding")
    head = (tensor.ndim, len(name), int(not plain))
    file.write(struct.pack(f"<3i{tensor.ndim}i", *head, *reversed(tensor.shape)))
    file.write(name.encode() + tensor.astype("<f4" if plain else "<f2").tobytes())
