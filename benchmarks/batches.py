"""A statement a batch against a statement a job, alone and beside a busy Python thread."""

import sys

from run import main

if __name__ == "__main__":
    main(["batches", "--no-peers", *sys.argv[1:]])
