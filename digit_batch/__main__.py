"""``python -m digit_batch`` is ``digit-batch``."""

from digit_batch.cli import main

if __name__ == "__main__":
    main()
