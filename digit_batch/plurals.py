"""Numbers with the words for what they count."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return how many of something: the number, and the word for one or for several.

    Parameters
    ----------
    number : int
    one, many : str
        What is counted, and may go on with its verb; without `many`, ``one`` with an s.

    >>> counted(1, "image"), counted(2000, "row is", "rows are")
    ('1 image', '2,000 rows are')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
