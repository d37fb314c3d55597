"""The benchmark suite: what marks survive, what detectors claim, and how fast both are."""
