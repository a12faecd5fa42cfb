"""The tables of an evaluation, for the terminal and for a model's card."""

from collections.abc import Mapping
from typing import Any

# Roberts et al. 2018, Table 1: of a family, its bars and voices the accuracies of each voice, teacher-forced
# and sampled.
PUBLISHED = {
    ("flat", 2, ("drums",)): ((0.979,), (0.917,)),
    ("flat", 2, ("melody",)): ((0.986,), (0.951,)),
    ("flat", 16, ("melody",)): ((0.883,), (0.620,)),
    ("hierarchical", 16, ("melody",)): ((0.919,), (0.812,)),
    ("flat", 16, ("drums",)): ((0.884,), (0.549,)),
    ("hierarchical", 16, ("drums",)): ((0.928,), (0.879,)),
    ("flat", 16, ("melody", "bass", "drums")): ((0.796, 0.829, 0.903), (0.579, 0.565, 0.641)),
    ("hierarchical", 16, ("melody", "bass", "drums")): ((0.848, 0.880, 0.912), (0.753, 0.773, 0.863)),
}

MOVE = "largest of 8 moves of an interpolation (even: .125)"  # evaluate.POINTS - 1 of them


def table(results: Mapping[str, Any]) -> str:
    """Return the figures of `evaluate` as Markdown: reconstruction, latents, the prior beside the data."""
    family, bars = str(results["model"]["family"]).removeprefix("musicvae-"), int(results["model"]["bars"])
    voices = tuple(next(iter(results["sources"].values()))["teacher_forced"])
    lines = [
        f"Split `{results['split'] or 'all'}`, {results['model']['weights']} weights, temperature "
        f"{results['temperature']}; {' / '.join(voices)}.",
        "",
        "| source | windows | files | teacher-forced | sampled | sampled, each file once "
        "| onsets, teacher-forced | onsets, sampled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, source in results["sources"].items():
        cells = [
            " / ".join(f"{source[kind][voice][measure]:.3f}" for voice in voices)
            for kind, measure in (
                ("teacher_forced", "token"),
                ("sampled", "token"),
                ("sampled", "by_file"),
                ("teacher_forced", "onset"),
                ("sampled", "onset"),
            )
        ]
        windows = f"{source['windows']} of {source['of']}"
        lines.append(f"| {name} | {windows} | {source['files']} | {' | '.join(cells)} |")
    if known := PUBLISHED.get((family, bars, voices)):
        cells = [" / ".join(f"{value:.3f}" for value in values) for values in known]
        lines.append(f"| *published, {family}, its own data* | - | - | {' | '.join(cells)} | - | - | - |")
    lines += [
        "",
        "| source | ELBO, nats a window | importance sampled | reconstruction | KL, bits | worth of z, bits "
        f"| active units | {MOVE} | drums that a training window has too |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, source in results["sources"].items():
        move, seen = source["interpolation"].get("largest_move"), source.get("drums_seen_in_training")
        lines.append(
            f"| {name} | {source['elbo_nats']:.1f} "
            f"| {_figure(source.get('importance_sampled_nats'), '.1f')} "
            f"| {source['reconstruction_nats']:.1f} "
            f"| {source['kl_bits']:.0f} | {_figure(source.get('worth_bits'), '.0f')} "
            f"| {source['active_units']} of {source['z_size']} "
            f"| {'-' if move is None else format(move, '.3f')} "
            f"| {'-' if seen is None else format(seen, '.0%')} |"
        )
        if source["collapsed"]:
            lines.append(f"| {name}: **posterior collapse** | | | | | | | | |")
    return "\n".join(lines + prior(results))


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def prior(results: Mapping[str, Any]) -> list[str]:
    """Return the statistics of draws from the prior beside those of the data, as lines of Markdown.

    A column is a source, or all data together where the figures say what they stand "beside".
    """
    found = results.get("prior", {})
    if "beside" in found:
        return _beside(found, found.get("temperature", results.get("temperature")))
    if not found.get("sources"):
        return []
    heard = ""
    if "goes_on_from" in found:  # of a model that hears what it draws
        heard = f" After each frame the model goes on from {found['goes_on_from']} of what was played, "
        heard += "as it does live, not from the z that was drawn."
    long = f" of {found['frames']} frames each" if "frames" in found else ""
    lines = [
        "",
        f"{found['samples']} draws from the prior{long} beside the data: "
        f"mean, and overlap of the distributions.{heard}",
        "",
        f"| statistic | model | {' | '.join(found['sources'])} |",
        f"|---|---|{'---|' * len(found['sources'])}",
    ]
    for statistic, value in found["statistics"].items():
        if all(beside["statistics"][statistic] is None for beside in found["sources"].values()):
            continue  # of a voice that there is not
        cells = [
            f"{_figure(beside['statistics'][statistic], '.3g')} "
            f"({_figure(beside['overlap'][statistic], '.2f')})"
            for beside in found["sources"].values()
        ]
        lines.append(f"| {statistic} | {_figure(value, '.3g')} | {' | '.join(cells)} |")
    return lines + temperatures(found)


def _beside(found: Mapping[str, Any], temperature: float) -> list[str]:
    lines = [
        "",
        f"{found['samples']} draws from the prior at temperature {temperature:g} beside {found['beside']}: "
        "mean, and overlap of the distributions.",
        "",
        "| statistic | model | data | overlap |",
        "|---|---|---|---|",
    ]
    for name, value in found["statistics"].items():
        parts = (value, found["data"].get(name), found["overlap"].get(name))
        lines.append(f"| {name} | {' | '.join(_figure(part, '.3g') for part in parts)} |")
    return lines + temperatures(found)


def temperatures(prior: Mapping[str, Any]) -> list[str]:
    """Return how like each source the draws are at each temperature, as lines of Markdown."""
    if "temperatures" not in prior:  # figures that a run kept before they were measured
        return []
    found = prior["temperatures"]
    tried, sources = found["tried"], found["sources"]
    ends = {
        name: source["best"] for name, source in sources.items() if source["best"] in (tried[0], tried[-1])
    }
    lines = [
        "",
        f"Mean of these overlaps at each temperature, {found['samples']} draws with the same noise; in bold "
        "where the model plays most like the data, a temperature for a preset.",
        *(
            f"Most like {name} at {end:g}, the end of what was tried: the best may lie beyond."
            for name, end in ends.items()
        ),
        "",
        f"| temperature | {' | '.join(sources)} |",
        f"|---|{'---|' * len(sources)}",
    ]
    for row, temperature in enumerate(tried):
        cells = []
        for name, source in sources.items():
            bold = "**" if temperature == source["best"] and name not in ends else ""
            cells.append(f"{bold}{source['overlap'][row]:.3f}{bold}")
        lines.append(f"| {temperature:g} | {' | '.join(cells)} |")
    return lines
