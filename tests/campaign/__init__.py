"""The reliability campaign: faults, kills, mutated files and attacks without end, by their seed.

`python -m tests.campaign [PART ...] --seconds N --seed S` runs it, docs/reliability.md has its
figures. Each part is a module with one function that tries things on the program until its time is
over, and counts and keeps what it tried in `trials.Trials`. A new part is one module and one line
in the table of `__main__`.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS.parent), str(TESTS)]  # where the tests, too, find the program and `support`
