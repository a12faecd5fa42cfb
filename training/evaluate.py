"""`live-train evaluate`: how well a model gives music back, and what it invents beside its data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.codec import CODECS
from engine.latent import slerp
from training.loss import NATS_PER_BIT, kl, reconstruction
from training.objectives import RESTS, accuracies
from training.statistics import duplicates, overlap, statistics, summary
from training.store import Store
from training.subject import Subject, prior_latents

VOICES = CODECS["trio"].voices
DRUM_COLUMN = next(column for column, voice in enumerate(VOICES) if voice.kind == "drums")
CHUNKS = 32  # in which training windows are read, to keep only their drums in memory
BATCH = 64  # windows at a time
LIMIT = 1000  # windows of a source
SAMPLES = 1000  # draws from the prior
ACTIVE = 0.01  # a unit is active if the variance of its mu over the data exceeds this (Burda et al. 2016)
PAIRS, POINTS = 32, 9  # interpolations walked, and points on each

Results = dict[str, Any]


class EvaluateError(Exception):
    """Data on which nothing can be measured."""


@torch.no_grad()
def evaluate(
    subject: Subject,
    store: Store,
    split: str | None,
    *,
    limit: int = LIMIT,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Results:
    """Return every figure of a model on `split` of `store`, source by source.

    At most `limit` windows a source, spread evenly; `samples` draws from the prior, decoded at temperature
    1.0, beside the data. Accuracies are shares of equal tokens (token), the same as a mean over files that
    counts each file once (by_file), and shares of equal tokens where the data has an onset (onset); nats
    are a window's. EvaluateError: no windows of all three voices.
    """
    torch.manual_seed(seed)
    sources: dict[str, Results] = {}
    trained = _drums(store) if split in ("valid", "test") else np.zeros(0, np.int16)
    data: dict[str, Mapping[str, Any]] = {}
    for name in [source["name"] for source in store.meta["sources"]]:
        rows = store.windows_of(split, [name])
        if not len(rows):
            continue
        some = rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).astype(int)]
        windows = torch.from_numpy(store.window(some))
        files = store.files_of(some)
        sources[name] = {"windows": len(some), "of": len(rows), "files": len(set(files.tolist()))}
        sources[name] |= _source(subject, windows, files, seed)
        if len(trained):
            drums = windows[..., DRUM_COLUMN, None].numpy()
            sources[name]["drums_seen_in_training"] = duplicates(drums, trained, 0)
        data[name] = statistics(windows.numpy())
    if not sources:
        raise EvaluateError(f"there is no window of all three voices in split {split or 'all'}")
    results: Results = {"model": subject.facts, "store": store.digest(), "split": split, "temperature": 1.0}
    results["sources"] = sources
    if samples:
        z_size = subject.encode(windows[:1])[0].shape[-1]
        latents = prior_latents(samples, z_size, seed)
        drawn = torch.cat([subject.generate(z, 1.0, seed + i) for i, z in enumerate(latents.split(BATCH))])
        played = statistics(drawn.numpy())
        results["prior"] = {"samples": samples, "statistics": summary(played), "sources": {}}
        for name, values in data.items():
            beside = {"statistics": summary(values), "overlap": overlap(played, values)}
            results["prior"]["sources"][name] = beside
    return results


def _drums(store: Store) -> NDArray[np.int16]:
    """Return the drums (windows, bars, steps, 1) of all training windows of `store`."""
    rows = store.windows_of("train")
    parts = [
        store.window(some)[..., DRUM_COLUMN, None].astype(np.int16)
        for some in np.array_split(rows, CHUNKS)
        if len(some)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _source(subject: Subject, windows: Tensor, files: NDArray[np.int64], seed: int) -> Results:
    mus, sums, drawn = [], {"reconstruction": 0.0, "kl": 0.0}, []
    forced = {voice.name: np.zeros(4) for voice in VOICES}  # right, steps, right onsets, onsets
    for number, batch in enumerate(windows.split(BATCH)):
        mu, sigma = subject.encode(batch)
        z = mu + sigma * torch.randn_like(sigma)
        targets = batch.flatten(1, 2)
        for v, logits in enumerate(subject.forced(z, batch)):
            score = reconstruction(logits, targets[..., v], RESTS[v])
            sums["reconstruction"] += float(score.nats.sum())
            forced[VOICES[v].name] += [float(count) for count in score[1:]]
        sums["kl"] += float(kl(mu, sigma).sum())
        mus.append(mu)
        drawn.append(subject.generate(z, 1.0, seed + number))
    sampled = accuracies(torch.cat(drawn), windows)
    right = (torch.cat(drawn) == windows).flatten(1, 2).double().mean(1).numpy()  # (windows, voices)
    by_file = np.mean([right[files == file].mean(0) for file in np.unique(files)], axis=0)
    mu = torch.cat(mus)
    units = int((mu.var(0) > ACTIVE).sum()) if len(mu) > 1 else 0
    nats, divergence = sums["reconstruction"] / len(windows), sums["kl"] / len(windows)
    return {
        "teacher_forced": {
            name: {"token": c[0] / max(c[1], 1.0), "onset": c[2] / max(c[3], 1.0)}
            for name, c in forced.items()
        },
        "sampled": {
            voice.name: {
                "token": sampled[f"{voice.name}_sampled_accuracy"],
                "onset": sampled[f"{voice.name}_sampled_onset_accuracy"],
                "by_file": float(by_file[v]),
            }
            for v, voice in enumerate(VOICES)
        },
        "reconstruction_nats": nats,
        "kl_nats": divergence,
        "kl_bits": divergence / NATS_PER_BIT,
        "elbo_nats": -(nats + divergence),
        "active_units": units,
        "z_size": mu.shape[-1],
        "collapsed": units < 0.1 * mu.shape[-1] or divergence < 1.0,
        "interpolation": _interpolation(subject, mu, seed),
    }


def _interpolation(subject: Subject, mu: Tensor, seed: int) -> Results:
    """Walk from window to window by slerp at temperature 0 and count the tokens that each move changes.

    A smooth walk changes the same share at each of its moves; `largest_move` is the mean over walks of the
    largest one, `even_move` what it would be if all were alike.
    """
    pairs = min(PAIRS, len(mu) // 2)
    if not pairs:
        return {"pairs": 0}
    ends = mu[torch.linspace(0, len(mu) - 1, 2 * pairs).long()].numpy()
    places = np.linspace(0.0, 1.0, POINTS)
    walks = [slerp(ends[i], ends[i + pairs], float(t)) for i in range(pairs) for t in places]
    decoded = subject.generate(torch.from_numpy(np.stack(walks)), 0.0, seed)
    walk = decoded.reshape(pairs, POINTS, -1)
    moves = (walk[:, 1:] != walk[:, :-1]).float().mean(-1)  # (pairs, POINTS - 1)
    share = moves / moves.sum(1, keepdim=True).clamp(min=1e-9)
    apart = (walk[:, 0] != walk[:, -1]).float().mean()
    return {
        "pairs": pairs,
        "tokens_changed_end_to_end": float(apart),
        "largest_move": float(share.max(1).values.mean()),
        "even_move": 1.0 / (POINTS - 1),
    }
