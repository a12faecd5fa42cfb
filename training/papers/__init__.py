"""The papers' tables and figures, each reproduced by the module of its name: `reproduce(job)`."""

NAMES: tuple[str, ...] = ("vrash",)  # what `live-train papers` takes; a module has _ where its name has -
