"""MusicVAE, Figure 4: what adding and subtracting an attribute's vector does to every attribute."""

import numpy as np
import torch
from numpy.typing import NDArray

from training.axes import quartile_vector
from training.data.songs import VOICES
from training.data.view import view, widened
from training.musicvae.batches import transposed_at_random
from training.musicvae.model import MusicVAE
from training.papers import musicvae
from training.papers.job import Cell, Job
from training.papers.musicvae import configuration, store, trained
from training.statistics import attributes
from training.subject import prior_latents

TITLE = "MusicVAE (Roberts et al. 2018), Figure 4"
ATTRIBUTES = {
    "C diatonic": "C diatonic",
    "note density": "melody density",
    "average interval": "average interval",
    "16th syncopation": "16th syncopation",
    "8th syncopation": "8th syncopation",
}
EXAMPLES = 20_000  # training melodies that the vectors come from; the paper's are 370,000
LATENTS = 256
BATCH = 64
DARK = 0.6  # of the largest change, from which on a cell is too dark for black figures
Values = dict[str, NDArray[np.float64]]
DIFFERS = f"""
{musicvae.DIFFERS.strip()}
- Vectors: the quartiles are of at most {EXAMPLES:,} training melodies, each transposed at random as in
  training; the paper's of 370,000 training examples. As written, those with wide intervals are more often in
  C than others, and the vector of the average interval moved C diatonic by more than itself.
- Change: in percent of the attribute's mean over all {LATENTS} draws, not the mean of each draw's percentage,
  which has no value where a draw shows nothing of the attribute. The same noise draws every melody before and
  after.
- The paper shows this figure without numbers in its text: there is no published column.
"""


def reproduce(job: Job) -> None:
    """Train the 16-bar hierarchical melody if it is missing; table and draw the change of each attribute."""
    configs = {"song": configuration(job, "song")}
    model: MusicVAE = trained(job, configs, {"song": 1.0}, "song").model
    melodies = view(store(job), ["melody"], model.config.bars)
    rows = np.random.default_rng(0).permutation(melodies.of("train"))[:EXAMPLES]
    span = configs["song"].data.transpose
    examples = transposed_at_random(
        melodies.tokens(rows), model.config.voices, span, np.random.default_rng(0)
    )
    vectors = attribute_vectors(model, examples)
    z = prior_latents(LATENTS, model.config.z_size, 0)
    before = measured(model, z)
    changes = {
        sign: np.array([change(before, measured(model, z + way * vector)) for vector in vectors.values()])
        for sign, way in (("added", 1.0), ("subtracted", -1.0))
    }
    for sign, found in changes.items():
        table: list[list[Cell]] = [
            [name, *(float(value) for value in line), "yes" if moves_own_most(line, own, sign) else "no"]
            for own, (name, line) in enumerate(zip(vectors, found, strict=True))
        ]
        title = f"{TITLE}: change of each attribute in percent, vector {sign}, {LATENTS} draws of the prior"
        job.table(sign, title, ("vector", *vectors, "moves its own most"), table)
    _draw(job, list(vectors), changes)
    job.finish(TITLE, DIFFERS)


def moves_own_most(line: NDArray[np.float64], own: int, sign: str) -> bool:
    """Return whether a vector's largest change is that of its own attribute, in the direction of `sign`."""
    right = line[own] > 0 if sign == "added" else line[own] < 0
    return bool(right and np.argmax(np.abs(line)) == own)


@torch.no_grad()
def attribute_vectors(model: MusicVAE, windows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """Return each attribute's vector: the mean latent of the top quarter of `windows` less the bottom's."""
    device = next(model.parameters()).device
    mu = torch.cat(
        [model.encoder(part.to(device)).mu.cpu() for part in torch.from_numpy(windows).split(BATCH)]
    )
    means, vectors = mu.double().numpy(), {}
    for name, value in _attributes(windows).items():
        vector = quartile_vector(means, value)
        # Where the melodies do not differ in it there is no way to go.
        vectors[name] = torch.zeros_like(mu[0]) if vector is None else torch.from_numpy(vector).float()
    return vectors


def measured(model: MusicVAE, z: torch.Tensor) -> Values:
    """Return the attributes of what `model` decodes from `z` (N, z_size), with the same noise every time."""
    torch.manual_seed(0)
    device = next(model.parameters()).device
    tokens = torch.cat([model.generate(part.to(device)).cpu() for part in z.split(BATCH)])
    return _attributes(np.asarray(tokens.numpy()))


def change(before: Values, after: Values) -> list[float]:
    """Return the change of each attribute's mean in percent of what it was."""
    means = [(float(np.nanmean(before[name])), float(np.nanmean(after[name]))) for name in before]
    return [100.0 * (now - then) / max(abs(then), 1e-9) for then, now in means]


def _attributes(windows: NDArray[np.int64]) -> Values:
    values = attributes(widened(windows, [VOICES.index("melody")]))
    return {name: values[key] for name, key in ATTRIBUTES.items()}


def _draw(job: Job, names: list[str], changes: dict[str, NDArray[np.float64]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for panel, (sign, found) in zip(figure.subplots(1, 2), changes.items(), strict=True):
        most = float(np.abs(found).max())
        panel.imshow(found, cmap="RdBu_r", vmin=-most, vmax=most)
        panel.set(title=f"vector {sign}", ylabel="vector", xlabel="attribute, change in %")
        panel.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
        panel.set_yticks(range(len(names)), names, fontsize=7)
        for (row, column), value in np.ndenumerate(found):
            ink = "white" if abs(value) > DARK * most else "black"
            panel.text(column, row, f"{value:.0f}", color=ink, ha="center", va="center", fontsize=7)
    job.picture("", figure)
