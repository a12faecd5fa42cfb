"""What an exported file that plays without end invents beside music: its prior needs no encoder.

The draws, the music and the statistics are those of the examination of a run; the noise is the engine's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.codec import NOTE_OFF
from engine.pianoroll import LOWEST
from training import tables
from training.data.archives import frames_a_bar
from training.data.draws import spread_rows
from training.data.notes import MEDIAN, OCTAVE, delays
from training.data.store import Store
from training.endless import EndlessFile
from training.evaluate import LIMIT, SAMPLES
from training.examiners import PLAYED
from training.statistics import Values, overlap, summary
from training.subject import prior_latents
from training.temperatures import few, temperatures
from training.vrae import model as vrae
from training.vrae.playing import WINDOW, by_window, spread_windows
from training.vrae.statistics import statistics as statistics_of_windows
from training.vrash import examine as vrash
from training.vrash.latents import PACE
from training.vrash.model import ModelConfig
from training.vrash.phrases import PADDING, phrases
from training.vrnn import compared as vrnn
from training.vrnn.sequences import piece
from training.vrnn.statistics import statistics as statistics_of_stretches

Results = dict[str, Any]
Index = NDArray[np.int64]


class PlayedError(Exception):
    """A file or a store that cannot be compared; the message says what was found and what is expected."""


@dataclass(frozen=True, slots=True)
class Music:
    """What a file is compared with: at most `limit` items of each source, which tables call by `names`."""

    store: Store
    split: str
    names: Mapping[str, str]
    limit: int

    def rows(self, of: Callable[[str, list[str]], Index]) -> dict[str, Index]:
        """Return by source what `of` gives of the split and it. PlayedError: nothing at all."""
        found = {name: rows for name in self.names if len(rows := of(self.split, [name]))}
        if not found:
            raise PlayedError(f"there is no music of {', '.join(self.names)} in split {self.split}")
        return found


def examine(
    path: Path, store: Store, split: str, *, limit: int = LIMIT, samples: int = SAMPLES, seed: int = 0
) -> Results:
    """Return what the file at `path` plays beside `split` of `store`, and how like it at each temperature.

    At most `limit` items a source, spread evenly, of those that it learnt from, or of all if none is there;
    `samples` draws from the prior, one after the other, as a file plays one bar at a time. EndlessFileError;
    PlayedError: a family that no run has, a store of another form or grid, no music, no draws.
    """
    file = EndlessFile.open(path, seed)
    family = file.manifest.family
    if family.partition("-")[0] not in SYSTEMS:
        raise PlayedError(f"{path}: family is {family!r}, expected one of {', '.join(SYSTEMS)}")
    form, measure = SYSTEMS[family.partition("-")[0]]
    if store.form != form:
        again = f"{form}, which `live-train prepare --codec {form}` writes"
        raise PlayedError(
            f"{path}: family is {family!r}: the store's codec is {store.form}, expected {again}"
        )
    if not samples:
        raise PlayedError(f"{path}: --samples is 0, expected 1 or more: without an encoder there is no more")
    learnt = {source["archive"] for source in file.manifest.data}
    names = {name: name for name in store.sources if name in learnt or not learnt}
    names = names or {name: f"{name}, not trained on" for name in store.sources}
    model = {"family": family, "weights": file.manifest.weights}
    model |= {"identity": file.manifest.exported_with.get("weights", "")}
    found = measure(file, Music(store, split, names, limit), samples)
    return {"model": model, "store": store.digest(), "split": split, "temperature": 1.0, "prior": found}


def table(results: Results) -> str:
    """Return the figures of `examine` as Markdown."""
    told = (
        f"Split `{results['split']}`, {results['model']['weights']} weights. The file holds no encoder: "
        "bound, accuracies and what its latents carry are measured in its run's folder."
    )
    return "\n".join([told, *tables.prior(results)])


def _vrae(file: EndlessFile, music: Music, samples: int) -> Results:
    """Beside windows of the split: a file does not tell which songs it was to know by heart."""
    first, pitches = file.whole.first, file.whole.pitches
    sizes = vrae.ModelConfig(bar=file.manifest.steps_per_bar, lowest=LOWEST + first, pitches=pitches)
    excerpts = by_window(sizes, music.store)
    rows = np.concatenate([*music.rows(excerpts.of).values()])
    data = statistics_of_windows(spread_windows(excerpts, rows, music.limit), sizes.lowest)
    latents = prior_latents(samples, file.manifest.z_size, file.seed)

    def play(count: int, temperature: float) -> dict[str, Values]:
        drawn = [
            np.concatenate([*islice(file.bars(z, draw, temperature), WINDOW)])
            for draw, z in enumerate(latents[:count])
        ]
        return statistics_of_windows(np.stack(drawn)[..., first : first + pitches], sizes.lowest)

    tried = temperatures(partial(play, few(samples)), {"data": data}, few(samples))
    heat = tried["sources"]["data"]["best"]
    own = play(samples, heat)
    return {
        "samples": samples,
        "beside": f"the split's windows of {', '.join(music.names.values())}",
        "temperature": heat,
        "data": summary(data),
        "statistics": summary(own),
        "overlap": overlap(own, data),
        "temperatures": tried,
    }


def _vrnn(file: EndlessFile, music: Music, samples: int) -> Results:
    steps, store = file.manifest.steps_per_bar, music.store
    grids = {source["name"]: frames_a_bar(source) for source in store.meta["sources"]}
    heard = {}
    for name, songs in music.rows(lambda split, names: np.flatnonzero(store.chosen(split, names))).items():
        if not grids[name] or grids[name] % steps:
            found = grids[name] or "an unknown number of"
            raise PlayedError(f"{name} has {found} frames in a bar of 4/4, expected a multiple of {steps}")
        chosen = spread_rows(songs, music.limit)
        heard[music.names[name]] = [piece(store, int(song), grids[name] // steps) for song in chosen]
    unmoved, bars = torch.zeros(file.manifest.z_size), -(-PLAYED // steps)

    def play(count: int, temperature: float) -> dict[str, Values]:
        drawn = [
            np.concatenate([*islice(file.bars(unmoved, draw, temperature), bars)])[:PLAYED]
            for draw in range(count)
        ]
        return statistics_of_stretches([roll.astype(np.uint8) for roll in drawn])

    return vrnn.beside(play, heard, samples, PLAYED) | {"goes_on_from": vrnn.HEARD}


def _vrash(file: EndlessFile, music: Music, samples: int) -> Results:
    """Beside phrases of as many notes as a VRASH hears by default: a file plays on, and tells no length."""
    found = phrases(music.store, ModelConfig(sources=()))
    rows = [spread_rows(rows, music.limit) for rows in music.rows(found.of).values()]

    def write(like: Tensor, temperature: float) -> Index:
        latents = prior_latents(len(like), file.manifest.z_size - 1, file.seed)
        paced = torch.cat([latents, torch.zeros(len(like), 1)], 1)  # the last component is the pace
        written = np.full(like.shape, PADDING)
        for draw, count in enumerate((like[..., 0] >= 0).sum(1).tolist()):
            notes = _notes(file, paced[draw], draw, temperature, count)
            written[draw, : len(notes), : notes.shape[1]] = notes
        return written

    told = "the split's phrases, with their lengths, no label told"
    return {"samples": samples, "beside": told} | vrash.beside(
        write, found, np.concatenate(rows), samples, file.seed
    )


def _notes(file: EndlessFile, z: Tensor, draw: int, temperature: float, count: int) -> Index:
    """Return the first `count` notes (count, 3) that the file writes, as delay, pitch class and octave."""
    column: list[int] = []
    for bar in islice(file.bars(z, draw, temperature), count):  # no pause is as long as a bar
        column += bar[:, 0].tolist()
        if sum(token < NOTE_OFF for token in column) >= count:
            break
    onsets = np.array([step for step, token in enumerate(column) if token < NOTE_OFF][:count])
    pitches = np.array(column)[onsets]
    between = np.append(MEDIAN, delays(np.diff(onsets), PACE))  # the first counts as after a median pause
    return np.stack([between, pitches % OCTAVE, pitches // OCTAVE], 1)


# By system: the form of a store that it is compared with, and what measures it.
SYSTEMS: Mapping[str, tuple[str, Callable[[EndlessFile, Music, int], Results]]] = {
    "vrae": ("roll", _vrae),
    "vrnn": ("roll", _vrnn),
    "vrash": ("note", _vrash),
}
