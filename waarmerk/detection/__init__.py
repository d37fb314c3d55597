"""Everything that reads a mark and decides what it means.

Each layer has a reader that returns findings; ``verdict.py`` alone decides what they mean
together, ``report.py`` says it. Detection may import marking and kernels, keeps nothing, opens no
network connection and runs no code from the file.
"""
