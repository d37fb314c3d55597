"""The benchmark: image quality, robustness, false positives, removal attacks, speed and peers.

Every command here writes rows of JSON; ``benchmarks.report`` alone turns rows into tables.
The package imports waarmerk and is never imported by it; the peers live in an environment of
their own and are reached through a subprocess.
"""
