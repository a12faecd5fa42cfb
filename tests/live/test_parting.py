"""Being told to leave by the system: the exit code is that of the performance, however the screen fares."""

import os
import signal
import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("Windows sends no such signals", allow_module_level=True)

SCRIPT = """
import sys, threading, time
from live.parting import SCREEN_PARTING, on_signals
left, well, screen = (word == "True" for word in sys.argv[1:4])
gone, told = threading.Event(), threading.Event()
on_signals(lambda _: left, told.set, gone, lambda: well)
print("ready", flush=True)
while not told.wait(0.05):
    pass
if not screen:
    time.sleep(60)
gone.set()
time.sleep(SCREEN_PARTING + 0.5)  # what is said about the take may take long
sys.exit(1)
"""


@pytest.mark.parametrize(
    ("left", "well", "screen", "code"),
    [
        (True, True, False, 0),  # a terminal that has gone away is no failure
        (True, False, False, 1),
        (False, True, False, 1),
        (True, True, True, 1),  # what the main thread found in the end
    ],
)
def test_the_exit_code_survives_a_signal(left: bool, well: bool, screen: bool, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(left), str(well), str(screen)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == code
