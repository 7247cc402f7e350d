"""The signs beyond ASCII that results are drawn with, and what is shown where a stream's encoding has none of them."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

SHADES = " ░▒▓█"  # from paper to ink
NOTHING = "·"  # a zero that should not catch the eye
FULL, REST = "━", "─"  # of a bar
ASCII = str.maketrans(SHADES + NOTHING + FULL + REST, " .:*#" + "." + "=" + "-")  # as wide: nothing gets out of line


class Drawn:
    """Text that is drawn with these signs, or with those of ASCII where the console has no others.

    Parameters
    ----------
    text
        Never a name that came from a disk: that is shown with escapes, and not with other signs than its own.
    """

    def __init__(self, text: Text) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the text in signs that can be shown."""
        text = self.text.copy()
        if options.ascii_only:
            text.plain = text.plain.translate(ASCII)
        yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the width, which is that of the text."""
        return Measurement.get(console, options, self.text)
