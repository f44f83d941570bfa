#!/usr/bin/env python3
"""Judges what `make soak` has noted: soak_check.py FILE.csv. What the broker has under an attack
must be in its last round what it was in the first. How long the canary waited is told and not
judged: that is the machine's, too."""

import csv
import sys
from statistics import median

# figure, words for it, and what it may differ by: the attackers are in no step with the samples
JUDGED = [("memory_kib", "KiB of memory", 256), ("descriptors", "descriptors", 24)]
TOLD = [("p50_us", "us median wait"), ("p99_us", "us p99 wait")]


def rounds(rows):
    """The samples of each attack, round by round."""
    told, before = {}, None
    for row in rows:
        if row["attack"] != before:
            told.setdefault(row["attack"], []).append([])
        before = row["attack"]
        told[before][-1].append(row)
    return told


def middle(samples, key):
    return median(float(row[key]) for row in samples)


def main():
    with open(sys.argv[1], encoding="ascii", newline="") as file:
        attacks = rounds(list(csv.DictReader(file)))
    bad = compared = 0
    for attack, told in attacks.items():
        first, last = told[0], told[-1]
        if len(told) < 2:
            print(f"# {attack} came once: nothing to compare")
            continue
        compared += 1
        for key, words, slack in JUDGED:
            was, now = middle(first, key), middle(last, key)
            grows = now > was + slack
            bad += grows
            print(f"{'not ok' if grows else 'ok'}: {attack}: {was:.0f} {words}, and {now:.0f} "
                  f"in round {len(told)}")
        print("# " + attack + ": " + ", ".join(
            f"{middle(first, key):.0f} and {middle(last, key):.0f} {words}" for key, words in TOLD))
    if compared == 0:
        sys.exit(f"{sys.argv[1]}: too short, no attack came twice")
    sys.exit(bad > 0)


main()
