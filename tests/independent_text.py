"""`waarmerk.text.1` once more, from docs/marks/text.md alone: plain Python, slow, no imports.

Whoever changes the mark by accident breaks the agreement of the two.

    python -m tests.independent_text

prints the test vectors of the document.
"""

import hashlib
import hmac
import sys

MASK = (1 << 64) - 1
LAYERS = 32
PAYLOAD = tuple(range(1, 32, 2))
LEAD = 200
LENGTH = 1024


def _rotated(x, n):
    return (x << n | x >> (64 - n)) & MASK


def siphash(key, message, wide=False):
    """SipHash-2-4 of bytes: 8 bytes, or 16 if wide."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D ^ (0xEE if wide else 0),
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = _rotated(v[1], 13) ^ v[0]
            v[0] = _rotated(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = _rotated(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = _rotated(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = _rotated(v[1], 17) ^ v[2]
            v[2] = _rotated(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for i in range(0, len(padded), 8):
        block = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= block
        rounds(2)
        v[0] ^= block
    v[2] ^= 0xEE if wide else 0xFF
    rounds(4)
    out = (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    if wide:
        v[1] ^= 0xDD
        rounds(4)
        out += (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    return out


def subkey(secret):
    """HKDF-SHA256 (RFC 5869) without salt, then the first 16 bytes of SHAKE-256 with the label."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    derived = hmac.digest(extracted, b"waarmerk/waarmerk.text.1\x01", "sha256")
    return hashlib.shake_256(derived + b"context").digest(16)


def context_key(key, four):
    return siphash(key, b"".join(i.to_bytes(4, "little") for i in four), wide=True)


def word(context, token):
    """The 32 g-bits of a token."""
    return int.from_bytes(siphash(context, token.to_bytes(4, "little"))[:4], "little")


def places(context):
    """Where in the code word the payload layers read."""
    value = int.from_bytes(siphash(context, b""), "little")
    first, stride = value % LENGTH, (value >> 10) % LENGTH | 1
    return [(first + j * stride) % LENGTH for j in range(len(PAYLOAD))]


def flips(context, code_word):
    """The layers whose bits are turned round."""
    return sum(
        1 << layer
        for layer, place in zip(PAYLOAD, places(context), strict=True)
        if code_word[place] < 0
    )


def tournament(p, words, layers=LAYERS):
    """The distribution of the winner."""
    for layer in range(layers):
        g = [w >> layer & 1 for w in words]
        mean = sum(a * b for a, b in zip(p, g, strict=True))
        p = [a * (1 + b - mean) for a, b in zip(p, g, strict=True)]
    return p


def weight(layer):
    return max(1, round(40 * 0.94**layer))


def pilot_score(secret, ids):
    """Sum of scores, and number of tokens counted."""
    key, seen, total = subkey(secret), set(), 0
    for i in range(4, len(ids)):
        context = context_key(key, ids[i - 4 : i])
        if context in seen:
            continue
        seen.add(context)
        bits = word(context, ids[i])
        total += sum(weight(n) * (bits >> n & 1) for n in range(LAYERS) if n not in PAYLOAD)
    return total, len(seen)


def vectors():
    """The lines of the document."""
    from waarmerk.marking.payload import Code, MarkId

    key = subkey(bytes(range(32)))
    context = context_key(key, [3, 1, 4, 1])
    turned = flips(context, Code(1024).encode(MarkId.from_hex("0123456789abcdef")))
    p = [0.4, 0.3, 0.2, 0.1]
    words = [word(context, token) for token in range(4)]
    return [
        f"- K = {key.hex()}",
        f"- C = {context.hex()}",
        f"- bits of token 5, as a word: {word(context, 5):08x}; of token 70000: "
        f"{word(context, 70000):08x}",
        f"- places: {', '.join(map(str, places(context)))}",
        f"- layers turned round behind the lead, for id 0123456789abcdef: {turned:08x}",
        "- 0.4, 0.3, 0.2, 0.1 for tokens 0, 1, 2, 3 is after layers 0 to 7 without an id "
        + ", ".join(f"{x:.6f}" for x in tournament(p, words, 8)),
        "- and with that id, behind the lead, "
        + ", ".join(f"{x:.6f}" for x in tournament(p, [w ^ turned for w in words], 8)),
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(vectors()) + "\n")
