"""What every test starts from."""

import os
import signal

# A worker a core is as many threads as there are cores: more would wait for each other, spinning.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    """Take signals as a terminal gives them: a shell's background job and nohup have some ignored.

    What a test starts would inherit that, and could not be interrupted.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGQUIT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
