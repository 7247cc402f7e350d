"""``digit-batch explain``."""

from digit_batch.cli.options import Inputs, ModelPath, Polarity, PolarityChoice


def explain(inputs: Inputs, model: ModelPath = None, polarity: Polarity = PolarityChoice.auto) -> None:
    """Show what the model saw on an image, and what it took it for.

    Example: [bold]digit-batch explain scans/a.png[/bold]
    """
    from digit_batch.cli.screen import out
    from digit_batch.images import Frame, Source, read_frames, walk
    from digit_batch.model import load_model
    from digit_batch.reading import read_pictures
    from digit_batch.report import tables

    fitted = load_model(model)
    for source in walk(inputs):
        if not isinstance(source, Source):
            continue
        for frame in read_frames(source):
            if isinstance(frame, Frame):
                (reading,) = read_pictures(fitted, [frame.pixels], polarity=polarity.value)
                out.print(tables.reading(source.name, reading))
