"""A composer that is late, slow, hangs, writes nonsense or never comes: what the player makes of it."""

from dataclasses import replace

import pytest
import toy_composer
from stage import BAR, STEP, Stage, undisturbed

from engine.bar import STEPS_PER_BAR
from engine.ledger import Ledger
from engine.messages import (
    Acknowledge,
    SetParameter,
)
from engine.pending import LEAD_CAP
from engine.request import ComposerState


def test_a_late_bar_is_the_last_one_again_and_is_counted() -> None:
    stage = Stage(seconds=lambda request: 2.5 * BAR if request.number == 2 else 0.001)
    stage.until(3 * BAR - STEP / 2)
    assert stage.player.performance.arranger.late_bars == 1
    strikes = [n for n in stage.notes() if n[1][0] & 0xF0 == 0x90]
    second = [(step - STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == 1]
    third = [(step - 2 * STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == 2]
    assert second == third


def test_a_composer_slower_than_the_music_is_still_heard() -> None:
    stage = Stage(seconds=lambda _: 1.3 * BAR)
    stage.until(12 * BAR)
    strikes = [n for n in stage.notes() if n[1][0] & 0xF0 == 0x90]
    bars = [
        tuple((step % STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == bar)
        for bar in range(12)
    ]
    assert len(set(bars)) > 4
    assert 0 < stage.player.performance.arranger.late_bars < 8


def test_a_bar_that_the_codec_does_not_know_is_refused_with_a_notice() -> None:
    stage = Stage()
    bad = ((999, 0, 0),) * STEPS_PER_BAR
    stage.until(0.3 * BAR)
    stage.composer.decode = lambda request: replace(toy_composer.decode(request), tokens=bad)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(BAR)
    assert stage.notes() == undisturbed(BAR)
    assert any("melody token 999" in notice for notice in stage.player.report.notices)


def test_a_composer_that_hangs_or_writes_nonsense_is_given_up() -> None:
    for nonsense in (False, True):
        stage = Stage(
            seconds=lambda request, wait=not nonsense: 1000.0 if wait and request.number > 2 else 0.001
        )
        stage.desk.ledger = Ledger()
        if nonsense:
            stage.until(0.3 * BAR)
            bad = ((999, 0, 0),) * STEPS_PER_BAR
            stage.composer.decode = lambda request, bad=bad: replace(toy_composer.decode(request), tokens=bad)
        stage.until(LEAD_CAP - 1)
        assert stage.desk.ledger.hung == nonsense
        stage.until(LEAD_CAP + 4)
        assert stage.desk.ledger.hung
        assert any("the composer hangs" in n or "bar that is none" in n for n in stage.player.report.notices)
        assert stage.player.performance.playing
        stage.desk.ledger.close()
        stage.desk.ledger.unlink()


@pytest.mark.parametrize("headless", [True, False])
def test_a_composer_that_never_comes_is_a_failure(headless: bool) -> None:
    stage = Stage(headless=headless)
    stage.composer.replace(ComposerState("failed", "model.ts: not there"))
    snapshots = []
    while not (snapshots and snapshots[-1].failed):
        if stage.player.leaving:
            stage.player.run()
        else:
            stage.player.turn()
        while stage.live.poll():
            snapshots.append(stage.live.recv())
            stage.live.send(Acknowledge())
    assert stage.player.leaving == headless
    assert snapshots[-1].failed
    assert snapshots[-1].finished == headless
