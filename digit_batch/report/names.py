"""Names that came from a disk, made safe to show."""


def plain(name: str) -> str:
    """Return a name that is safe to print: what is no printable character shows as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name)
