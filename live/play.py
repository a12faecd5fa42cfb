"""What a performance is to be: the preset, varied by the wishes of the command line."""

from dataclasses import dataclass, replace

from engine import errands
from engine.messages import PORT, SOUND
from engine.preset import Preset
from engine.setup import Setup, from_preset
from live.errand import UserError, run
from live.settings import controllers_file, load_controllers, load_offset, offsets_file, output_name
from live.takes import place_for


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a performance; None leaves it to the preset or to the machine."""

    bpm: float | None = None
    swing: float | None = None  # the parameter, 0 to 1
    seed: int | None = None
    record: str | None = None
    bars: int | None = None
    delay: float = 0.0
    offset: float | None = None  # milliseconds; None is what is kept for each output
    count_in: int = 0
    clock: bool = False
    sync: str = "internal"
    port: str | None = None
    control: str | None = None
    api: str | None = None
    sound: bool | None = None
    headless: bool = False


def _check_beginning(wishes: Wishes) -> None:
    """Refuse what others decide where they say when it begins."""
    if wishes.sync != "internal" and wishes.count_in:
        raise UserError(f"--count-in is not for --sync {wishes.sync}: others say when it begins")
    if wishes.sync == "midi" and wishes.delay:
        raise UserError("--delay is not for --sync midi: the master says when it begins")


def setup_for(preset: Preset, wishes: Wishes) -> Setup:
    """Return the Setup of a performance.

    UserError: no such port, no Link, no place for the take, or wishes that do not go together.
    """
    _check_beginning(wishes)
    record = str(place_for(wishes.record)) if wishes.record is not None else None
    if wishes.port or wishes.api or wishes.control:
        run(errands.check_ports, wishes.api, wishes.port, wishes.control)
    if wishes.sync == "link":
        run(errands.check_link)
    setup = from_preset(preset)
    return replace(
        setup,
        bpm=setup.bpm if wishes.bpm is None else wishes.bpm,
        parameters=setup.parameters | ({} if wishes.swing is None else {"swing": wishes.swing}),
        seed=setup.seed if wishes.seed is None else wishes.seed,
        bindings=load_controllers(controllers_file(preset.name, wishes.control)),
        bars=wishes.bars,
        delay=wishes.delay,
        offset=_offset(PORT, wishes),
        sound_offset=_offset(SOUND, wishes),
        count_in=wishes.count_in,
        clock=wishes.clock,
        sync=wishes.sync,
        record=record,
        port=wishes.port,
        control=wishes.control,
        api=wishes.api,
        sound=wishes.sound,
        headless=wishes.headless,
    )


def _offset(of: str, wishes: Wishes) -> float:
    """Return the seconds of an output: as asked for (of the port where one is named), else as kept."""
    if wishes.offset is not None and (of == PORT or wishes.port is None):
        return wishes.offset / 1000.0
    return load_offset(offsets_file(), output_name(of, wishes.port)) / 1000.0
