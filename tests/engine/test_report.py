"""When the screen is told how it goes."""

from engine.messages import BPM_RANGE
from engine.report import INTERVAL, PATIENCE, Report


def test_pulses_at_the_fastest_tempo_leave_room_for_a_snapshot() -> None:
    report = Report(10.0)
    assert report.due(10.0, 10.0 + 60 / BPM_RANGE[1] / 24)


def test_a_snapshot_waits_for_a_gap_but_not_for_ever() -> None:
    report = Report(10.0)
    assert not report.due(10.0, 10.002)
    assert report.due(10.0 + PATIENCE + 0.001, 10.102 + PATIENCE)
    report.sent(10.2)
    assert not report.due(10.2 + INTERVAL, 11.0)  # not before it was acknowledged
    report.acknowledge()
    assert not report.due(10.2 + INTERVAL / 2, 11.0)
    assert report.due(10.2 + INTERVAL, 11.0)
