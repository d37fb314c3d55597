"""Measures other watermarks on the same pictures and the same transformations.

``python -m benchmarks.peers --data DIR --peer-python PATH --out results/peers.jsonl``

``PATH`` is the Python of a virtual environment that holds ``invisible-watermark`` and
``blind-watermark``; it is never the environment of this project (README.md says how to make it).
Each (folder, picture, peer, payload length) gives one row ``embed`` with fidelity and seconds, and
one row per transformation with the share of bits read right and whether all were. The peers are
told the payload's length and nothing else.
"""

import argparse
from pathlib import Path

from waarmerk.bench.content.pictures import Picture, pictures
from waarmerk.bench.image_quality import fidelity
from waarmerk.bench.peers.client import ImagePeers, PeerRefusedError, PeerWorker, worker_file
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.image import TRANSFORMS, apply

# (name in the worker, payload bits): each peer's usual length, and 64 bits where it takes them.
PEERS = (("dwtDct", 32), ("dwtDct", 64), ("dwtDctSvd", 32), ("dwtDctSvd", 64), ("blind", 64))


def image_peers(python: str) -> ImagePeers:
    """Return the peers, in a process of their own, in the environment of that Python.

    >>> with image_peers("peers/bin/python") as peers:  # doctest: +SKIP
    ...     marked, spent = peers.embed("dwtDct", rgb, "01" * 16)
    ...     bits, spent = peers.extract("dwtDct", marked, 32)
    """
    modules = ("imwatermark", "blind_watermark")
    return ImagePeers(PeerWorker("the peers", python, worker_file("image"), modules))


def payload(peer: str, length: int, name: str) -> str:
    """Return the bits that a peer embeds in the picture `name`."""
    return "".join(map(str, rng_for("payload", peer, length, name).integers(0, 2, length)))


def bit_accuracy(sent: str, read: str) -> float:
    """Return the share of bits read right.

    >>> bit_accuracy("0110", "0111")
    0.75
    """
    return sum(a == b for a, b in zip(sent, read, strict=True)) / len(sent)


def measure(
    peers: ImagePeers, picture: Picture, peer: str, length: int, transforms: list[str]
) -> list[Row]:
    """Return the rows of one picture and one peer: embedding, then every transformation."""
    name: Row = {
        "folder": picture.folder,
        "picture": picture.name,
        "peer": peer,
        "length": length,
    }
    original = picture.load()
    bits = payload(peer, length, picture.name)
    try:
        marked, spent = peers.embed(peer, original, bits)
    except PeerRefusedError as error:
        return [{**name, "transform": "embed", "refused": str(error)}]
    rows = [
        {
            **name,
            "transform": "embed",
            **fidelity(original, marked),
            "wrapped": int((abs(original.astype(int) - marked).max(axis=2) > 64).sum()),
            "seconds": round(spent.wall, 5),
        }
    ]
    for transform in transforms:
        row: Row = {**name, "transform": transform}
        try:
            changed = apply(transform, marked, picture.folder, picture.name, 0)
            read, spent = peers.extract(peer, changed, length)
        except PeerRefusedError as error:
            rows.append({**row, "exact": False, "refused": str(error)})
            continue
        rows.append(
            {
                **row,
                "exact": read == bits,
                "bit_accuracy": round(bit_accuracy(bits, read), 4),
                "seconds": round(spent.wall, 5),
            }
        )
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", required=True, help="Python of the peers' environment")
    parser.add_argument("--out", type=Path, default=Path("results/peers.jsonl"))
    parser.add_argument("--folders", default="512")
    parser.add_argument("--peers", default=",".join(f"{peer}:{bits}" for peer, bits in PEERS))
    parser.add_argument("--transforms", default=",".join(TRANSFORMS), help="names, or 'none'")
    options = parser.parse_args()
    transforms = [] if options.transforms == "none" else options.transforms.split(",")
    wanted = [(name, int(bits)) for name, bits in (p.split(":") for p in options.peers.split(","))]
    with image_peers(options.peer_python) as peers:
        parameters = {"versions": peers.versions()}
        out = ResultFile(
            options.out,
            ("folder", "picture", "peer", "length", "transform"),
            parameters,
            fingerprint="peers",
        )
        for folder in options.folders.split(","):
            for picture in pictures(options.data, folder):
                for peer, length in wanted:
                    todo = [
                        row["transform"]
                        for row in out.missing(
                            {
                                "folder": folder,
                                "picture": picture.name,
                                "peer": peer,
                                "length": length,
                                "transform": transform,
                            }
                            for transform in ["embed", *transforms]
                        )
                    ]
                    if todo:
                        names = [name for name in todo if name != "embed"]
                        out.append(measure(peers, picture, peer, length, names))
                print(f"{folder}/{picture.name}", flush=True)


if __name__ == "__main__":
    main()
