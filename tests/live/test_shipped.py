"""Every preset in presets/: a new one is tested by being there."""

from dataclasses import dataclass, replace
from pathlib import Path

import mido
import pytest

from engine import feel, manifest
from engine.arranger import Arranger
from engine.codec import CODECS, DRUM_PITCHES, Voice
from engine.composer import Composer
from engine.feel import FeelManifest
from engine.manifest import Manifest
from engine.messages import KNOBS
from engine.preset import FILE, Preset, load
from engine.render import render
from engine.request import BarReply
from engine.setup import Setup, from_preset
from live.cli import main

SHELF = Path(__file__).parents[2] / "presets"
FOLDERS = sorted(path.parent for path in SHELF.glob(f"*/{FILE}"))
MIB = 2**20
MOST, MOST_IN_ALL = 16 * MIB, 80 * MIB
HEARD = 4  # bars in which a turned knob is heard
# What is no mistake in a voice, as MIDI pitches: a bass has its own, all else what a piano has.
PIANO, BASS = range(21, 109), range(21, 73)


@dataclass(frozen=True)
class Shipped:
    """A preset, its setup, and a composer that has loaded its model and its feel."""

    preset: Preset
    setup: Setup
    composer: Composer

    def bars(self, setup: Setup, count: int) -> list[BarReply]:
        """Return the first bars of `setup`."""
        arranger = Arranger(setup)
        requests = (arranger.request(number) for number in range(count))
        return [reply for _, reply in self.composer.in_turn(requests)]


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    """Each preset in turn, loaded once for all its tests."""
    preset = load(request.param)
    setup = from_preset(preset)
    return Shipped(preset, setup, Composer(setup.model, setup.feel_file))


def test_it_is_called_and_told_of(shipped: Shipped) -> None:
    preset = shipped.preset
    assert preset.name == preset.folder.name
    assert preset.title
    assert preset.description.endswith(".")
    assert [voice.name for voice in preset.voices] == list(preset.manifest.voices)


def test_the_opening_is_what_the_model_writes(shipped: Shipped) -> None:
    setup = shipped.setup
    assert setup.opening is not None, "write it with `live opening`"
    assert setup.opening.key == Arranger(setup).key()
    bars = shipped.bars(setup, len(setup.opening.bars))
    assert tuple(bar.tokens for bar in bars) == setup.opening.bars
    assert setup.opening.hits == (tuple(bar.hits for bar in bars) if setup.feel else ())


def test_manifest_and_card_agree(shipped: Shipped) -> None:
    preset = shipped.preset
    card = (preset.model.parent / "CARD.md").read_text()  # a preset may play another one's model
    assert preset.manifest == manifest.read(preset.model)
    agree(preset.manifest, preset.model, card)
    assert f"from {preset.manifest.z_size} numbers" in card
    for axis in preset.manifest.axes:
        assert f"| {axis.name} | {axis.low:+g} to {axis.high:+g} | {axis.description} |" in card
    if preset.feel is not None:
        told = (preset.feel.file.parent / "FEEL.md").read_text()
        agree(feel.read(preset.feel.file), preset.feel.file, told)


def agree(contract: Manifest | FeelManifest, file: Path, card: str) -> None:
    """Assert that a card tells of this very file, and of all that it learnt from."""
    assert f"weights {contract.exported_with['weights']}" in card
    assert f"{file.stat().st_size / MIB:.1f} MiB" in card
    assert contract.data
    for source in contract.data:
        assert f"| {source['archive']} | {source['licence']} |" in card
    assert "Not evaluated" not in card
    assert "**posterior collapse**" not in card


def test_what_it_learnt_is_centred_and_its_knobs_have_a_range(shipped: Shipped) -> None:
    preset, contract = shipped.preset, shipped.preset.manifest
    assert len(preset.knobs) <= len(KNOBS)
    assert len({knob.label for knob in preset.knobs}) == len(preset.knobs) > 0
    for knob in preset.knobs:
        assert knob.axis.low < knob.axis.high
        assert any(knob.axis.vector)
    assert all(std >= 0 for std in contract.latent_std)
    assert any(contract.latent_std)


def test_knobs_morph_and_temperature_are_heard(shipped: Shipped) -> None:
    setup = shipped.setup
    for name in (*KNOBS[: len(shipped.preset.knobs)], "interpolation", "temperature"):
        turned = [replace(setup, parameters=setup.parameters | {name: at}) for at in (0.0, 1.0)]
        low, high = ([bar.tokens for bar in shipped.bars(one, HEARD)] for one in turned)
        assert low != high, name


def test_the_same_seed_gives_the_same_bars_and_another_gives_others(shipped: Shipped) -> None:
    first, again, other = (
        [bar.tokens for bar in shipped.bars(replace(shipped.setup, seed=seed), HEARD)] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_two_loops_are_music_within_the_voices_ranges(shipped: Shipped, tmp_path: Path) -> None:
    setup, contract = shipped.setup, shipped.preset.manifest
    bars = 2 * contract.bars
    file = mido.MidiFile(render(setup, shipped.composer.reply, bars, tmp_path / "take.mid"))
    ticks_per_bar = 4 * file.ticks_per_beat
    for voice, sent in zip(CODECS[contract.codec].voices, setup.voices, strict=True):
        struck, open_notes = notes(file, sent.channel)
        assert not open_notes, voice.name
        assert {pitch for _, pitch, _ in struck} <= set(allowed(voice)), voice.name
        full = {tick // ticks_per_bar for tick, _, _ in struck}
        assert max(full) < bars, voice.name
        assert len(full) >= bars / 4, f"{voice.name} rests for most of the time"
        assert len(struck) < 100 * bars
        assert all(1 <= velocity <= 127 for _, _, velocity in struck)


def notes(file: mido.MidiFile, channel: int) -> tuple[list[tuple[int, int, int]], dict[int, int]]:
    """Return tick, pitch and velocity of what is struck on `channel`, and what is never ended."""
    struck, sounding, tick = [], dict[int, int](), 0
    for message in mido.merge_tracks(file.tracks):
        tick += message.time
        if getattr(message, "channel", None) != channel or message.type not in ("note_on", "note_off"):
            continue
        if message.type == "note_on" and message.velocity:
            struck.append((tick, message.note, message.velocity))
            sounding[message.note] = tick
        else:
            sounding.pop(message.note, None)
    return struck, sounding


def allowed(voice: Voice) -> "range | tuple[int, ...]":
    """Return the pitches that are no mistake."""
    if voice.kind == "drums":
        return DRUM_PITCHES
    return BASS if voice.name == "bass" else PIANO


def test_a_feel_plays_off_the_grid_and_with_many_velocities(shipped: Shipped) -> None:
    if shipped.setup.feel is None:
        assert not any(bar.hits for bar in shipped.bars(shipped.setup, 1))
        return
    hits = [hit for bar in shipped.bars(shipped.setup, 8) for hit in bar.hits]
    assert len({velocity for _, _, velocity, _ in hits}) > 8
    assert any(lean for *_, lean in hits)


def test_all_of_them_are_listed_and_small(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        folder.name: sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        for folder in FOLDERS
    }
    assert all(size <= MOST for size in sizes.values()), sizes
    assert sum(sizes.values()) <= MOST_IN_ALL, sizes
    assert main(["presets"]) == 0
    listed = capsys.readouterr().out.splitlines()
    for folder in FOLDERS:
        (line,) = (line for line in listed if line.endswith(str(folder)))
        assert line.split()[0] == folder.name
        assert "shipped" in line
        assert "cannot be played" not in line
    there = {folder.name for folder in SHELF.iterdir() if folder.is_dir()} - {"__pycache__"}
    assert there == {folder.name for folder in FOLDERS}
