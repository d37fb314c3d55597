"""Writes results in processes that are killed at any moment, one after the other, and says so.

Run with the path of the results, a seed and a number of rounds. Prints, as JSON, for every file the
newest version that a process had added when it was killed, and how many of them there were.
"""

import json
import os
import random
import signal
import sys
import time

from tests.scan.rows import RECORD, some_rows, source
from waarmerk.scan.results import open_results

FILES = 300
BATCH = 7
ROWS_PER_PART = 60


def write(path, seed, told):
    """Add new files, and now and then a newer version of an old one."""
    chance = random.Random(seed)  # noqa: S311
    with open_results(path, RECORD, resume=True, rows_per_part=ROWS_PER_PART) as results:
        for _ in range(8 * FILES // BATCH):
            batch = []
            for number in chance.sample(range(FILES), BATCH):
                done = results.done(source(number))
                if done is None or chance.random() < 0.3:
                    batch += some_rows([number], 1 if done is None else done.size + 1)
            results.add(batch)
            versions = {row["uri"]: row["size"] for row in batch}
            os.write(told, json.dumps(versions).encode() + b"\n")


def main():
    path, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)  # noqa: S311
    added, killed = {}, 0
    if path.endswith(".parquet"):
        import pyarrow.parquet  # noqa: F401  (once, and not in every process)
    for number in range(rounds):
        hears, tells = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hears)
            status = 1
            try:
                write(path, seed + number, tells)
                status = 0
            finally:
                os._exit(status)
        os.close(tells)
        with open(hears, "rb") as told:  # noqa: PTH123
            first = told.readline()
            # After the first batch, so that every round gets somewhere.
            time.sleep(chance.expovariate(1 / 0.03))
            os.kill(child, signal.SIGKILL)
            for line in (first, *told):
                if line.endswith(b"\n"):
                    added |= json.loads(line)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended not in (0, -signal.SIGKILL):
            raise SystemExit(f"round {number} ended with {ended}")
        killed += ended != 0
    print(json.dumps({"added": added, "killed": killed}))  # noqa: T201


if __name__ == "__main__":
    main()
