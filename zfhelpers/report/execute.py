"""The command of papermill as a batch needs it: begun sooner, see `zfhelpers.report`, and without a copy for each cell.

    python -P -m zfhelpers.report.execute      takes the words that `python -m papermill` takes

papermill writes the whole notebook before and after each of its cells, a hundred megabytes of pictures in all. Here it is written
when its last cell is done, when one fails, when one takes too long or the kernel dies.
"""

from papermill.cli import papermill
from papermill.engines import NBClientEngine, papermill_engines


class WritingOnce(NBClientEngine):
    """papermill's own engine; what it calls saving does nothing until all cells are done, or one ends them."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **how):
        """Run all cells of a notebook."""
        save, nb_man.save = nb_man.save, lambda: None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **how)
        finally:
            nb_man.save = save  # papermill calls it once more when this has returned, or raised


papermill_engines.register(None, WritingOnce)

if __name__ == "__main__":
    papermill()
