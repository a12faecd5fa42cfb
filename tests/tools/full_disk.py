"""A disk that is full: no file of this process grows beyond a limit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes within the context, as a full disk does.

    The report of a test may itself go into a file: the limit must be gone before the test ends.
    """
    resource = pytest.importorskip("resource", reason="Windows has no limits to set")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
