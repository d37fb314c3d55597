"""Fuzzing of everything that reads files from strangers, and what it found."""
