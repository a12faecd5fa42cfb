"""What the performer is shown: snapshots, gathered from everything that knows a part of them."""

from collections.abc import Callable

from engine.bar import TICKS_PER_BAR
from engine.console import Console
from engine.desk import Desk, Link
from engine.liaison import Liaison
from engine.performance import Performance
from engine.report import Report
from engine.setup import Setup
from engine.snapshot import Snapshot


class View:
    """Looks at the player and its parts; `tell` hands a snapshot over by the link to `live`."""

    def __init__(
        self,
        setup: Setup,
        performance: Performance,
        console: Console,
        report: Report,
        desk: Desk,
        *,
        composer: Liaison,
        tell: Callable[[Link, object], object],
    ) -> None:
        self._setup = setup
        self._performance = performance
        self._console = console
        self._report = report
        self._desk = desk
        self._composer = composer
        self._tell = tell

    def show(self, now: float, failure: str = "", *, finished: bool = False) -> None:
        """Show how things are at `now`, if anybody looks; `failure` is why the player could not play on."""
        if self._desk.live is None:
            return
        outlet = self._desk.outlet
        if outlet is not None and outlet.lost_sound():
            self._report.notice("the built-in sound has died")
        self._console.end_broken_take(now)
        self._tell(self._desk.live, self.snapshot(now, failure, finished=finished))
        self._report.sent(now)

    def snapshot(self, now: float, failure: str = "", *, finished: bool = False) -> Snapshot:
        """Return everything that the screen shows."""
        performance, panel, arranger = self._performance, self._performance.panel, self._performance.arranger
        mapping, sync, outlet = self._console.mapping, self._console.sync, self._desk.outlet
        tick = performance.position(now)
        number = max(0, tick // TICKS_PER_BAR)
        loop, bar = divmod(number, self._setup.manifest.bars)
        return Snapshot(
            playing=performance.playing,
            bpm=performance.transport.bpm if sync is None else sync.bpm,
            tick=tick,
            window_bar=bar,
            loop=loop,
            seed=panel.seed,
            parameters=dict(panel.parameters),
            bound=mapping.bound(),
            waiting=mapping.waiting(panel.parameters),
            learning=mapping.learning,
            voices=performance.band.states(),
            roll=() if self._setup.headless else arranger.roll(),
            out_port="" if outlet is None else outlet.text,
            in_port=self._desk.in_port,
            composer=self._composer.state,
            late_bars=arranger.late_bars,
            lateness_ms=self._report.lateness_ms(now),
            decode_ms=arranger.decode_ms,
            recording=None if performance.take.recorder is None else performance.take.recorder.path,
            notices=self._report.notices,
            finished=finished,
            failed=bool(failure) or self._composer.silent,
            sync="" if sync is None else sync.text(now),
            offset_ms=1000.0 * performance.course.offset.wanted,
            offset_of=performance.course.offset.current,
            count_in=performance.count_in,
            traces={} if self._setup.headless else arranger.traces(number),
        )
