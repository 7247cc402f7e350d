"""The exit codes, named in one place."""

DONE = 0
FAILED = 1
USAGE = 2
UNREADABLE = 3
BELOW = 4
NO_IMAGE = 5
INTERRUPTED = 130
