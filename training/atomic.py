"""Files that appear whole or not at all, whatever interrupts the writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a hidden name beside `path`; what is written there becomes `path` when the context ends well.

    Otherwise it is gone, and what was at `path` is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write `text` as the whole of the file at `path`, or leave it as it was."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
