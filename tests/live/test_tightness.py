"""A feel as a performer meets it: slider, controller, palette, and `--feel` on the command line."""

import zipfile
from dataclasses import replace
from pathlib import Path

import mido
import pytest
import torch
from performer import heard, on_stage, screen_text
from textual.pilot import Pilot
from torch import Tensor, nn
from toy_link import toy_preset

from engine import messages
from engine.feel import Feel, FeelManifest
from live.cli import main
from live.settings import controllers_file, load_controllers
from live.widgets.slider import Slider

pytestmark = pytest.mark.usefixtures("settings_of_their_own")

MANIFEST = FeelManifest(
    format=1,
    family="vrnn-feel",
    codec="drums",
    codec_version=1,
    steps_per_bar=16,
    noise=1,
    data=(),
    exported_with={"weights": "abc"},
)
FELT = replace(toy_preset(), feel=Feel(Path("feel.ts"), MANIFEST, 0.25))
DRUMS = 9


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_slider_is_there_with_a_feel_only(size: tuple[int, int]) -> None:
    async with on_stage(size) as (pilot, _):
        assert "TIGHTNESS" not in screen_text(pilot)
        assert not pilot.app.query("#tightness")
    async with on_stage(size, preset=FELT) as (pilot, link):
        link.change(parameters=link.state.parameters | {"tightness": 0.25})
        await heard(pilot, link)
        line = next(line for line in screen_text(pilot).splitlines() if "TIGHTNESS" in line)
        assert line.rstrip().endswith("25")
        assert "SWING" in line


def slider(pilot: "Pilot[None]") -> Slider:
    return pilot.app.query_one("#tightness", Slider)


async def test_keys_mouse_and_palette_turn_it() -> None:
    async with on_stage((130, 40), preset=FELT) as (pilot, link):
        slider(pilot).focus()
        await pilot.press("pageup")
        await heard(pilot, link)
        assert link.sent[-1] == messages.SetParameter("tightness", 0.6)
        assert "from as loose as a human drummer to on the grid" in screen_text(pilot)
        await pilot.press("home")
        await heard(pilot, link)
        assert link.sent[-1] == messages.SetParameter("tightness", 0.25)
        region = slider(pilot).region
        await pilot.click(offset=(region.right - 3, region.y + 1))
        await heard(pilot, link)
        assert link.sent[-1] == messages.SetParameter("tightness", 1.0)
        commands = {entry.title: entry for entry in pilot.app.get_system_commands(pilot.app.screen)}
        assert "human drummer" in commands["Go to tightness"].help
        commands["tightness: down a lot"].callback()
        await heard(pilot, link)
        assert link.sent[-1] == messages.SetParameter("tightness", 0.9)


async def test_a_controller_is_learnt_for_it_and_kept() -> None:
    async with on_stage(preset=FELT) as (pilot, link):
        slider(pilot).focus()
        await pilot.press("l")
        await heard(pilot, link)
        assert link.state.learning == "tightness"
        link.controller("ch 1 CC 74")
        await heard(pilot, link)
        assert "tightness is on ch 1 CC 74" in screen_text(pilot)
        await pilot.app.workers.wait_for_complete()
    assert load_controllers(controllers_file("toy")) == {"tightness": (0, 74)}


class Late(nn.Module):
    """Strikes everything a quarter of a step late, louder with every step."""

    @torch.jit.export
    def begin(self) -> Tensor:
        return torch.zeros(1)

    @torch.jit.export
    def feel(
        self, state: Tensor, tokens: Tensor, noise: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        velocities = (20 + 5 * torch.arange(16)).unsqueeze(1).repeat(1, 9)
        return velocities, torch.full((16, 9), 0.25), state


def struck(path: Path) -> list[tuple[int, int]]:
    """Return tick and velocity of the drums in a .mid file of 480 ticks a beat."""
    found, tick = [], 0
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        tick += message.time
        if message.type == "note_on" and message.velocity and message.channel == DRUMS:
            found.append((tick, message.velocity))
    return found


def test_render_plays_the_drums_by_the_feel_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "late.ts"
    torch.jit.save(torch.jit.script(Late()), str(file), _extra_files={"manifest.json": MANIFEST.to_json()})
    takes = []
    for feel in (str(file), "none"):
        takes.append(tmp_path / f"{len(takes)}.mid")
        assert main(["render", "--feel", feel, "--bars", "2", "--output", str(takes[-1])]) == 0
    late, written = map(struck, takes)
    quarter = mido.MidiFile(takes[0]).ticks_per_beat // 16
    assert [tick for tick, _ in late] == [tick + quarter for tick, _ in written]
    assert [velocity for _, velocity in late] != [velocity for _, velocity in written]
    by_step = [velocity for _, velocity in sorted(set(late))]
    assert len(set(by_step)) > 3
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--feel", "grove"], "no feel 'grove'"),
        (["--feel", "~nobody-here/feel.ts"], "~nobody-here has no home folder"),
        (["--feel", "FOREIGN", "--headless"], "family is 'musicvae', expected 'vrnn-feel'"),
        (["render", "--feel", "FOREIGN", "--bars", "1", "--output", "x.mid"], "family is 'musicvae'"),
        (["bench", "--feel", "FOREIGN"], "family is 'musicvae'"),
    ],
)
def test_a_feel_that_is_none_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    foreign = tmp_path / "model.ts"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("model/extra/manifest.json", toy_preset().manifest.to_json())
    assert main([str(foreign) if word == "FOREIGN" else word for word in arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
