"""`live-train evaluate`: how well a model gives music back, and what it invents beside its data."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.latent import slerp
from training.collapse import active_units, collapsed
from training.data.draws import spread_rows
from training.data.songs import VOICES
from training.data.store import Store
from training.data.view import View, view, widened
from training.loss import NATS_PER_BIT, kl, reconstruction
from training.musicvae.batches import called
from training.musicvae.bound import likelihood
from training.musicvae.objectives import RESTS, accuracies
from training.statistics import Values, duplicates, overlap, statistics, summary
from training.subject import Subject, prior_latents
from training.temperatures import few, temperatures

CHUNKS = 32  # in which training windows are read, to keep only their drums in memory
BATCH = 64  # windows at a time
LIMIT = 1000  # windows of a source
LIKELY = 16  # of them, whose likelihood is estimated: each takes as long as ten others
SAMPLES = 1000  # draws from the prior
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
    1.0, beside the data, and fewer of them at every temperature tried. Accuracies are shares of equal tokens
    (token), the same as a mean over files that counts each file once (by_file), and shares of equal tokens
    where the data has an onset (onset); nats are a window's. The importance-sampled figure is the ELBO and
    the mean that the estimate is above it, by the same draws, on LIKELY windows. EvaluateError: no windows of
    its voices.
    """
    torch.manual_seed(seed)
    sources: dict[str, Results] = {}
    voices = subject.voices
    columns = [VOICES.index(voice) for voice in voices]
    seen = view(store, voices, subject.bars)
    drums = voices.index("drums") if "drums" in voices else None
    trained = np.zeros(0, np.int16)
    if drums is not None and split in ("valid", "test"):
        trained = _column(seen, drums)
    data: dict[str, Mapping[str, Values]] = {}
    for name in store.sources:
        rows = seen.of(split, [name])
        if not len(rows):
            continue
        some = spread_rows(rows, limit)
        windows = torch.from_numpy(seen.tokens(some))
        files = seen.files(some)
        sources[name] = {"windows": len(some), "of": len(rows), "files": len(set(files.tolist()))}
        sources[name] |= _source(subject, windows, files, seed)
        if len(trained):
            played = windows[..., drums, None].numpy()
            sources[name]["drums_seen_in_training"] = duplicates(played, trained, 0)
        data[name] = statistics(widened(windows.numpy(), columns))
    if not sources:
        raise EvaluateError(f"there is no window of {called(voices)} in split {split or 'all'}")
    results: Results = {"model": subject.facts, "store": store.digest(), "split": split, "temperature": 1.0}
    results["sources"] = sources
    if samples:
        z_size = subject.encode(windows[:1])[0].shape[-1]
        latents = prior_latents(samples, z_size, seed)
        invented = _invented(subject, columns, latents, seed, 1.0)
        results["prior"] = {"samples": samples, "statistics": summary(invented), "sources": {}}
        for name, values in data.items():
            beside = {"statistics": summary(values), "overlap": overlap(invented, values)}
            results["prior"]["sources"][name] = beside
        play = partial(_invented, subject, columns, latents[: few(samples)], seed)
        results["prior"]["temperatures"] = temperatures(play, data, few(samples))
    return results


def _invented(
    subject: Subject, columns: Sequence[int], latents: Tensor, seed: int, temperature: float
) -> dict[str, Values]:
    """Return the statistics of what `latents` (N, z_size) give, always with the same noise."""
    parts = enumerate(latents.split(BATCH))
    drawn = torch.cat([subject.generate(z, temperature, seed + number) for number, z in parts])
    return statistics(widened(drawn.numpy(), columns))


def _column(seen: View, column: int) -> NDArray[np.int16]:
    """Return one voice (windows, bars, steps, 1) of all training windows."""
    parts = [
        seen.tokens(some)[..., column, None].astype(np.int16)
        for some in np.array_split(seen.of("train"), CHUNKS)
        if len(some)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _source(subject: Subject, windows: Tensor, files: NDArray[np.int64], seed: int) -> Results:
    mus, sums, drawn = [], {"reconstruction": 0.0, "kl": 0.0, "worth": 0.0}, []
    voices = subject.voices
    forced = {voice: np.zeros(4) for voice in voices}  # right, steps, right onsets, onsets
    for number, batch in enumerate(windows.split(BATCH)):
        mu, sigma = subject.encode(batch)
        z = mu + sigma * torch.randn_like(sigma)
        targets = batch.flatten(1, 2)
        other = subject.forced(z.roll(len(z) // 2, 0), batch)  # z of another window, no neighbour
        for v, (voice, logits) in enumerate(zip(voices, subject.forced(z, batch), strict=True)):
            score = reconstruction(logits, targets[..., v], RESTS[voice])
            sums["reconstruction"] += float(score.nats.sum())
            sums["worth"] += float(reconstruction(other[v], targets[..., v], RESTS[voice]).nats.sum())
            sums["worth"] -= float(score.nats.sum())
            forced[voice] += [float(count) for count in score[1:]]
        sums["kl"] += float(kl(mu, sigma).sum())
        mus.append(mu)
        drawn.append(subject.generate(z, 1.0, seed + number))
    sampled = accuracies(voices, torch.cat(drawn), windows)
    right = (torch.cat(drawn) == windows).flatten(1, 2).double().mean(1).numpy()  # (windows, voices)
    by_file = np.mean([right[files == file].mean(0) for file in np.unique(files)], axis=0)
    mu = torch.cat(mus)
    units, worth = active_units(mu), sums["worth"] / len(windows)
    nats, divergence = sums["reconstruction"] / len(windows), sums["kl"] / len(windows)
    bound, estimate = likelihood(subject, windows[spread_rows(np.arange(len(windows)), LIKELY)])
    return {
        "teacher_forced": {
            name: {"token": c[0] / max(c[1], 1.0), "onset": c[2] / max(c[3], 1.0)}
            for name, c in forced.items()
        },
        "sampled": {
            voice: {
                "token": sampled[f"{voice}_sampled_accuracy"],
                "onset": sampled[f"{voice}_sampled_onset_accuracy"],
                "by_file": float(by_file[v]),
            }
            for v, voice in enumerate(voices)
        },
        "reconstruction_nats": nats,
        "kl_nats": divergence,
        "kl_bits": divergence / NATS_PER_BIT,
        "elbo_nats": -(nats + divergence),
        "importance_sampled_nats": float((estimate - bound).mean()) - (nats + divergence),
        "active_units": units,
        "z_size": mu.shape[-1],
        "worth_bits": worth / NATS_PER_BIT,  # of its own z against another window's
        "collapsed": collapsed(units, mu.shape[-1], divergence, worth if len(windows) > 1 else None),
        "interpolation": interpolation(lambda z: subject.generate(z, 0.0, seed), mu),
    }


def interpolation(decode: Callable[[Tensor], Tensor], mu: Tensor) -> Results:
    """Walk by slerp from one of `mu` (N, z_size) to another, and count the tokens that each move changes.

    `decode` gives the music (B, ...) of latents (B, z_size), the likeliest there is: at temperature 0. A
    smooth walk changes the same share at each of its moves; `largest_move` is the mean over walks of the
    largest one, `even_move` what it would be if all were alike.
    """
    pairs = min(PAIRS, len(mu) // 2)
    if not pairs:
        return {"pairs": 0}
    ends = mu[torch.linspace(0, len(mu) - 1, 2 * pairs).long()].numpy()
    places = np.linspace(0.0, 1.0, POINTS)
    walks = [slerp(ends[i], ends[i + pairs], float(t)) for i in range(pairs) for t in places]
    decoded = decode(torch.from_numpy(np.stack(walks)))
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
