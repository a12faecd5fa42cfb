"""Ports: names, choices and refusals; with a real JACK server where there is one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jack_server import jack_server

from engine import alsa
from engine.clock import read
from engine.inlet import Ear, open_ear, open_input, open_inputs
from engine.ledger import Ledger, Notice, PortLost, Receivers
from engine.port import open_direct, open_output
from engine.sinks import MemoryPort
from engine.systems import PortError, choose, list_ports
from engine.ties import Tie, Ties, keep
from engine.watch import Watch, alsa_receivers

PATIENCE = 60.0  # seconds: a deadline against hanging, not a measurement
CLIENTS = """\
Client info
  cur  clients : 3
Client   0 : "System" [Kernel]
  Port   0 : "Timer" (Rwe-)
Client 128 : "live" [User Legacy]
  Port   0 : "trio" (R-e-)
    Connecting To: 129:0[real:0], 130:1
Client 129 : "aseqdump" [User Legacy]
  Port   0 : "aseqdump" (-We-)
    Connected From: 128:0
""".splitlines()


def test_an_exact_name_comes_before_a_part_of_one() -> None:
    names = ["Synth 1:Port 10 20:1", "Synth 1:Port 1 20:0"]
    assert choose(names, "Synth 1:Port 1", "ALSA") == 1
    assert choose(names, "20:1", "ALSA") == 0
    assert choose(["a:Port 10", "a:Port 1"], "a:Port 1", "JACK") == 1
    assert choose(names, "port 10", "ALSA") == 0
    assert choose(names, None, "ALSA") is None


@pytest.mark.parametrize("wanted", ["Port 1", "nothing"])
def test_a_name_that_is_none_or_several_is_refused_with_those_there_are(wanted: str) -> None:
    with pytest.raises(PortError, match="there are: a:Port 10, a:Port 11"):
        choose(["a:Port 10", "a:Port 11"], wanted, "JACK")


def test_receivers_are_read_from_the_kernels_list() -> None:
    assert alsa_receivers(CLIENTS, "128:0") == ("129:0", "130:1")
    assert alsa_receivers(CLIENTS, "129:0") == ()
    assert alsa_receivers(CLIENTS, "131:0") is None


def test_a_port_that_was_there_and_is_gone_is_said_once(tmp_path: Path) -> None:
    table, ledger = tmp_path / "clients", Ledger()
    table.write_text("")
    ledger.write("api", "ALSA")
    ledger.write("port", "live:trio 128:0")
    watch = Watch(ledger, table)
    assert watch.look() == []  # not there yet
    table.write_text("\n".join(CLIENTS))
    assert watch.look() == [Receivers(("129:0", "130:1"))]
    assert watch.look() == []
    assert ledger.read("heard").splitlines() == ["129:0", "130:1"]
    table.write_text("")
    assert watch.look() == []
    table.write_text("\n".join(CLIENTS))
    assert watch.look() == []  # it was only missed
    table.write_text("")
    assert [watch.look(), watch.look(), watch.look()] == [
        [],
        [PortLost("ALSA: live:trio 128:0 is gone")],
        [],
    ]
    ledger.close()
    ledger.unlink()


def test_ports_of_alsa_are_called_as_rtmidi_calls_them() -> None:
    assert list(alsa.names(CLIENTS, takes=True)) == ["aseqdump:aseqdump 129:0"]
    assert list(alsa.names(CLIENTS, takes=False)) == ["System:Timer 0:0", "live:trio 128:0"]


@pytest.mark.skipif(Path("/dev/snd/seq").exists(), reason="there is a sequencer to connect on")
def test_a_named_port_that_goes_and_comes_back_is_said(tmp_path: Path) -> None:
    table, ledger = tmp_path / "clients", Ledger()
    ties = Ties(ledger, lambda: None, table)
    assert ties.look() == []
    keep(ledger, [Tie("ALSA", True, "aseqdump", "live:trio 128:0"), Tie("JACK", False, "pad", "live-in:x")])
    assert ties.look() == []  # neither can be told
    table.write_text("\n".join(CLIENTS))
    assert [ties.look(), ties.look()] == [[], []]
    table.write_text("\n".join(CLIENTS[:-3]))
    gone = Notice("aseqdump is gone; it is connected again when it is back")
    assert [ties.look(), ties.look()] == [[gone], []]
    table.write_text("\n".join(CLIENTS).replace("129", "131"))  # another number, the same name
    (back,) = ties.look()
    assert back.text.startswith("aseqdump is back")
    assert ties.look() == []
    ledger.close()
    ledger.unlink()


def test_a_memory_port_keeps_or_swallows() -> None:
    keeper, swallower = MemoryPort(), MemoryPort(keep=False)
    for port in (keeper, swallower):
        port.send([0x90, 60, 1])
    assert (keeper.messages, swallower.messages) == ([[0x90, 60, 1]], [])


def test_an_api_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(PortError, match=r"--api Amiga: this machine's RtMidi has \w+"):
        open_output("Amiga", None, "trio")


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A private JACK server that this process and its children reach."""
    with jack_server():
        yield


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_virtual_ports_have_stable_names_and_carry_messages(capfd: pytest.CaptureFixture[str]) -> None:
    arrived: list[list[int]] = []
    first = open_output("jack", None, "trio")
    second = open_output("jack", None, "trio")
    assert (first.address, second.address) == ("live:trio", "live-01:trio")
    second.close()
    control = open_input("JACK", arrived.append)
    assert isinstance(control, Ear)
    assert "live-in:control" in [port.name for port in list_ports() if port.takes]
    direct = open_direct("JACK", "live-in:control")
    direct.send([0xB0, 74, 1])
    deadline = time.monotonic() + 5.0
    while not (came := list(control.take())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ([message for _, message in came], arrived) == ([[0xB0, 74, 1]], [])
    direct.close()
    first.close()
    control.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_an_existing_controller_is_opened_by_name_and_never_a_port_of_our_own() -> None:
    arrived: list[list[int]] = []
    ours = open_output("jack", None, "keys-of-ours")
    keys = open_output("jack", None, "keys", client="usb")
    inputs, failures = open_inputs("JACK", "usb:keys", arrived.append, clock=True)
    assert ([source.text for source in inputs], failures) == (["JACK: live-in:control", "JACK: usb:keys"], [])
    keys.send([0xB0, 74, 1])
    deadline = time.monotonic() + 5.0
    while not arrived and time.monotonic() < deadline:
        time.sleep(0.01)
    assert arrived == [[0xB0, 74, 1]]
    for port in (keys, ours, *inputs):
        port.close()
    ours = open_output("jack", None, "trio")
    assert [port.name for port in list_ports() if not port.takes] == ["live:trio"]
    inputs, failures = open_inputs("JACK", "trio", arrived.append)
    assert len(inputs) == 1
    assert "no controller: " in failures[0]
    assert "0 ports like 'trio'; there are: none" in failures[0]
    for port in (ours, *inputs):
        port.close()


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_an_input_is_closed_while_messages_hail_upon_it() -> None:
    script = Path(__file__).with_name("hail.py")
    subprocess.run([sys.executable, str(script)], timeout=PATIENCE, check=True)


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_an_ear_takes_what_came_in_order_and_knows_when() -> None:
    port = open_output("jack", None, "trio")
    ear = open_ear("JACK", port.address)
    sent = []
    for number in range(20):
        port.send([0xB0, 1, number])
        sent.append(read())
        time.sleep(0.01)
    time.sleep(0.1)
    heard = list(ear.take())  # long after: RtMidi's own count tells when they came
    until = time.monotonic() + PATIENCE
    while len(heard) < 20 and time.monotonic() < until:  # a machine that stalls
        time.sleep(0.01)
        heard += ear.take()
    assert [message[2] for _, message in heard] == list(range(20))
    first, last = heard[0][0], heard[-1][0]
    assert last - first > 0.5 * (sent[-1] - sent[0])  # taken all at once, they did not come so
    assert first < last <= read()
    ear.close()
    port.close()


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_a_jack_server_that_died_before_the_first_look_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    ledger.write("api", "JACK")
    ledger.write("port", "live:trio")
    watch = Watch(ledger)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    assert watch.glance() is None
    said = PortLost("JACK: the JACK server is gone, and live:trio with it")
    assert [watch.look(), watch.look(), watch.look()] == [[], [said], []]
    watch.close()
    ledger.close()
    ledger.unlink()


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_a_glance_tells_who_hears_the_port_now() -> None:
    port, ledger = open_output("JACK", None, "trio"), Ledger()
    control = open_input("JACK", lambda _: None)
    watch = Watch(ledger)
    assert watch.glance() is None  # there is no port yet
    ledger.write("api", "JACK")
    ledger.write("port", port.address)
    assert watch.glance() == ()
    subprocess.run(["jack_connect", port.address, "live-in:control"], check=True, capture_output=True)
    assert watch.glance() == ("live-in:control",)
    watch.close()
    for end in (control, port):
        end.close()
    ledger.close()
    ledger.unlink()


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_what_a_running_jack_server_refuses_is_said_in_its_own_words() -> None:
    with pytest.raises(PortError, match=r"^JACK: .*port name too long"):
        open_output("JACK", None, "n" * 400)


def test_a_jack_server_that_does_not_run_is_said() -> None:
    script = "from engine.port import open_output; open_output('JACK', None, 'trio')"
    environment = os.environ | {
        "JACK_DEFAULT_SERVER": "there-is-none",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if "RtMidi has" in done.stderr:
        pytest.skip("this RtMidi knows no JACK")
    assert done.stderr.splitlines()[-1] == "engine.systems.PortError: no JACK server runs"


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_a_port_that_is_not_there_is_said_with_those_that_are() -> None:
    control = open_input("JACK", lambda _: None)
    with pytest.raises(PortError, match="0 ports like 'synth'; there are: live-in:control"):
        open_output("JACK", "synth", "trio")
    control.close()
