"""Two watermarks in one picture: ours and a peer's, in both orders.

``python -m benchmarks.coexistence --data DIR --peer-python PATH --out results/coexistence.jsonl``

Each picture gives, for every peer, one row per case. ``theirs`` is the peer alone, ``theirs, jpeg
90`` the peer alone after JPEG 90, which is the measure of what is bearable; ``ours then theirs``
and ``theirs then ours`` carry both, and both are read.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.peers import bit_accuracy, image_peers, payload
from waarmerk.bench.content.pictures import Picture, pictures
from waarmerk.bench.marks import bench_id, bench_key, look_for
from waarmerk.bench.peers.client import ImagePeers, PeerRefusedError
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.transformations.image import apply

PEERS = (("dwtDctSvd", 32), ("blind", 64))
CASES = ("theirs", "theirs, jpeg 90", "ours then theirs", "theirs then ours")


def read_theirs(peers: ImagePeers, peer: str, rgb: np.ndarray, sent: str) -> Row:
    """Return what the peer reads."""
    bits, _ = peers.extract(peer, rgb, len(sent))
    return {"peer_exact": bits == sent, "peer_bits": round(bit_accuracy(sent, bits), 4)}


def measure(peers: ImagePeers, picture: Picture, peer: str, length: int) -> list[Row]:
    """Return the rows of one picture and one peer."""
    from waarmerk import mark_image
    from waarmerk.errors import CannotMarkError

    key, sent = bench_key("coexistence"), bench_id("coexistence", picture.folder, picture.name)
    original, theirs = picture.load(), payload(peer, length, picture.name)
    name: Row = {"folder": picture.folder, "picture": picture.name, "peer": peer, "length": length}
    try:
        alone, _ = peers.embed(peer, original, theirs)
        ours = mark_image(original, key, mark_id=sent).content
        both = {
            "ours then theirs": peers.embed(peer, ours, theirs)[0],
            "theirs then ours": mark_image(alone, key, mark_id=sent).content,
        }
    except (CannotMarkError, PeerRefusedError) as error:
        return [{**name, "case": case, "refused": str(error)} for case in CASES]
    changed = apply("jpeg_90", alone, picture.folder, picture.name, 0)
    rows = [
        {**name, "case": "theirs", **read_theirs(peers, peer, alone, theirs)},
        {**name, "case": "theirs, jpeg 90", **read_theirs(peers, peer, changed, theirs)},
    ]
    for case, rgb in both.items():
        read = read_theirs(peers, peer, rgb, theirs)
        rows.append({**name, "case": case, **read, **look_for(rgb, key, sent)})
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", required=True, help="Python of the peers' environment")
    parser.add_argument("--out", type=Path, default=Path("results/coexistence.jsonl"))
    parser.add_argument("--folders", default="512")
    options = parser.parse_args()
    with image_peers(options.peer_python) as peers:
        versions = {"versions": peers.versions()}
        out = ResultFile(options.out, ("folder", "picture", "peer", "length", "case"), versions)
        for folder in options.folders.split(","):
            for picture in pictures(options.data, folder):
                for peer, length in PEERS:
                    name = {"folder": folder, "picture": picture.name, "peer": peer}
                    if any({**name, "length": length, "case": case} not in out for case in CASES):
                        out.append(measure(peers, picture, peer, length))
                print(f"{folder}/{picture.name}", flush=True)


if __name__ == "__main__":
    main()
