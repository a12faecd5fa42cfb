"""Errands in a process of their own: answers, refusals, and Ctrl-C that reaches every process at once."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

RENDER = """
    import sys, time
    from live import cli
    from engine import errands

    def slow(reply, setup, bars, output):
        open(output + ".part", "w").close()
        print("rendering", flush=True)
        time.sleep(60)

    if __name__ == "__main__":
        errands.render = slow
        sys.exit(cli.main(["render", "--preset", sys.argv[1], "--bars", "9", "--output", sys.argv[2]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
def test_ctrl_c_in_a_render_leaves_one_line_and_no_file(tmp_path: Path, preset: Path) -> None:
    script, output = tmp_path / "slow.py", tmp_path / "song.mid"
    script.write_text(textwrap.dedent(RENDER))
    process = subprocess.Popen(
        [sys.executable, str(script), str(preset), str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "rendering\n"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == f"live: interrupted; {output} is not written\n"
    assert not output.with_name("song.mid.part").exists()
