"""`python -m mnist_lab`: see `cli`."""

import sys

from mnist_lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
