"""Pages of 1 to 8 kilobytes under a queue's commits: the choice of `PAGE_SIZE`, checked."""

import sys

from run import main

if __name__ == "__main__":
    main(["pages", "--no-peers", *sys.argv[1:]])
