"""Notes of a General MIDI sound font as samples, rendered once and kept."""

import heapq
import importlib.util
import itertools
import queue
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from symusic import Note, Score, Synthesizer, Track

RATE = 44100  # frames a second
# Every note is rendered short first, which is soon done, and long only if it is held.
SHORT, LONG = 0, 1
SECONDS = (1.5, 6.0)  # a note held longer fades out; a whole note at 40 beats a minute fits
FADE_SECONDS = 0.3  # at the end of every sample, so that none ends in a click
CAPACITY = 160  # samples kept, 0.3 MB each, long ones 1 MB
SINC_QUALITY = 2  # of symusic's 0 to 4; 4 sounds the same here and renders a first string note in 300 ms
# symusic 0.5.8 never comes back from a note whose loop is shorter than one frame of it; over all programs
# the lowest such pitch is 101, and two programs fall silent above 93. Notes above HIGHEST are rendered
# octaves lower and sped up.
HIGHEST = 93
DRUMS = 128  # stands for the drum kit where a program 0-127 is expected

Samples = NDArray[np.int16]  # (frames, 2), left and right
Key = tuple[int, int, int]  # (program or DRUMS, pitch, SHORT or LONG)


def font_path() -> Path:
    """Return the sound font that pretty_midi carries, unimported; FileNotFoundError if it is gone."""
    spec = importlib.util.find_spec("pretty_midi")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "TimGM6mb.sf2"
        if path.is_file():
            return path
    raise FileNotFoundError("TimGM6mb.sf2, the sound font inside the package pretty_midi, is not installed")


class Bank:
    """Samples by Key, each rendered by a worker thread the first time it is asked for.

    `get` is for the audio callback: it never renders, waits or locks. What is missing goes to the head of
    the worker's queue and is there a few milliseconds later.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._synthesizer = Synthesizer(str(font_path()), RATE, SINC_QUALITY)
        self._samples: dict[Key, Samples] = {}
        self._used: dict[Key, int] = {}
        self._asked: set[Key] = set()
        self._count = itertools.count()
        # Only a put here neither locks nor waits. The worker puts what it takes out in its order.
        self._wanted: queue.SimpleQueue[tuple[int, int, Key]] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="soundfont", daemon=True)

    def start(self) -> None:
        """Let the worker render what was asked for, one note after the other."""
        self._worker.start()

    def get(self, key: Key) -> Samples | None:
        """Return the samples of `key`, or None and have them rendered next."""
        samples = self._samples.get(key)
        if samples is not None:
            self._used[key] = next(self._count)
        elif key not in self._asked:
            self._asked.add(key)
            self._wanted.put((0, next(self._count), key))
        return samples

    def warm(self, keys: Iterable[Key]) -> None:
        """Have `keys` rendered when nothing more urgent is waiting."""
        for key in keys:
            self._wanted.put((1, next(self._count), key))

    def render(self, key: Key) -> Samples:
        """Render and keep the samples of `key`, in the caller's time."""
        program, pitch, length = key
        drums = program == DRUMS
        octaves = 0 if drums else max(0, -(-(pitch - HIGHEST) // 12))
        track = Track(ttype="second", program=0 if drums else program, is_drum=drums)
        # Every velocity renders alike here, so the mixer alone makes notes soft and loud.
        track.notes.append(Note(0.0, SECONDS[length], pitch - 12 * octaves, 127, ttype="second"))
        score = Score(ttype="second")
        score.tracks.append(track)
        samples = _finish(self._synthesizer.render(score, True)[:, :: 2**octaves])
        if len(self._samples) >= self._capacity:
            oldest = min(self._samples, key=lambda kept: self._used.get(kept, -1))
            del self._samples[oldest]
        self._samples[key] = samples
        self._asked.discard(key)
        return samples

    def _work(self) -> None:
        waiting: list[tuple[int, int, Key]] = []  # a heap, the most urgent and then the oldest first
        while True:
            while not waiting or not self._wanted.empty():
                heapq.heappush(waiting, self._wanted.get())
            _, _, key = heapq.heappop(waiting)
            if key not in self._samples:
                self.render(key)


def lasts(samples: Samples) -> bool:
    """Return whether short `samples` break off what would sound on."""
    return len(samples) > 0.98 * SECONDS[SHORT] * RATE


def _finish(rendered: NDArray[np.float32]) -> Samples:
    """Return `rendered` (2, frames) as Samples without its silent tail, faded at the end."""
    rendered = np.nan_to_num(rendered, posinf=0.0, neginf=0.0)  # a few extreme pitches of the font overflow
    loud = np.flatnonzero(np.abs(rendered).max(axis=0) > 1e-4)
    end = int(loud[-1]) + 1 if len(loud) else 1
    out = rendered[:, :end].T.copy()
    fade = min(end, int(FADE_SECONDS * RATE))
    out[end - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, np.newaxis]
    return (np.clip(out, -1.0, 1.0) * 32767).astype(np.int16)
