"""Pages to look at rows with: one file each, that opens from disk and asks nothing of any network.

`kept` chooses the rows that a page shows while a run goes by; `pictures` reads their pictures again; `sheets` packs
those; `charts` computes what is drawn beside them; `report` and `review` fill the two templates.
"""

from digit_batch.report.page.kept import Kept, Shown
from digit_batch.report.page.report import Run, write_report
from digit_batch.report.page.review import write_review

__all__ = ["Kept", "Run", "Shown", "write_report", "write_review"]
