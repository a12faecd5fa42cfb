"""The import law, as processes obey it: what each package loads, read from `sys.modules` of a fresh one."""

import json
import subprocess
import sys

import pytest

SCREEN = {"textual"}
MIDI = {"mido", "rtmidi"}

# What is imported, and what must not be loaded by it.
LAW = [
    ("engine.session", {"live", "training", "torch"} | SCREEN | {"rtmidi"}),
    ("engine.player engine.host", {"live", "training", "torch", "link"} | SCREEN),
    ("engine.rescue", {"live", "training", "torch"} | SCREEN),
    (
        "engine.errands engine.bench engine.witness engine.metronome engine.machine engine.priority",
        {"live", "training", "torch", "rtmidi", "mido"} | SCREEN,
    ),
    ("engine.speaker", {"live", "training", "torch", "pretty_midi"} | SCREEN | MIDI),
    ("engine.composer", {"live", "training"} | SCREEN | MIDI),
    (
        "engine.bar engine.codec engine.dynamics engine.latent engine.noise engine.manifest engine.messages "
        "engine.transport engine.mapping engine.preset engine.shelf engine.table engine.course engine.clicks "
        "engine.follower engine.pianoroll engine.pulses engine.tempomap engine.feel engine.hits "
        "engine.entry engine.panel engine.pending engine.request engine.snapshot",
        {"live", "training", "torch"} | SCREEN | MIDI,
    ),
    ("live.cli live.commands", {"torch", "training", "numpy", "rich"} | SCREEN | MIDI),
    (
        "live.app live.onscreen live.headless live.play live.bench live.doctor",
        {"torch", "training", "rtmidi"},
    ),
    (
        "training.fit training.config training.data.store training.musicvae.batches",
        {"live", "mido", "rich", "matplotlib", "rtmidi"} | SCREEN,
    ),
]


@pytest.mark.parametrize(("modules", "forbidden"), LAW, ids=[modules.split()[0] for modules, _ in LAW])
def test_a_package_loads_only_what_it_may(modules: str, forbidden: set[str]) -> None:
    script = f"import {', '.join(modules.split())}, sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0].lstrip("_") for name in json.loads(done.stdout)}
    assert not loaded & forbidden
