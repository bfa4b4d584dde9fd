"""Estimate pi from random points: put your own work here.

What is written to SPATE_OUT is kept. The numbers in metrics.json come up in
the table of results.
"""

import argparse
import json
import os
import pathlib
import random


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()

    points = random.Random(args.seed)
    inside = sum(points.random() ** 2 + points.random() ** 2 < 1 for _ in range(args.size))
    pi = 4 * inside / args.size
    print(f"pi is about {pi}")

    out = pathlib.Path(os.environ.get("SPATE_OUT", "."))
    (out / "metrics.json").write_text(json.dumps({"error": abs(pi - 3.141592653589793), "pi": pi}))


if __name__ == "__main__":
    main()
