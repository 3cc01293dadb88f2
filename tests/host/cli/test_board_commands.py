"""Tests of the commands that use boards: load, stream, monitor, bench, devices, board."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from served import served

from firstspike.cli.commands import devices
from firstspike.virtual import ModelBoard
from firstspike_contract import CONFIGS
from firstspike_contract.core.register_map import Memory

FIRSTSPIKE = [sys.executable, "-m", "firstspike"]


def test_load_runs_the_golden_images(run, deployment: Path) -> None:
    done = run("load", deployment, "--board", "sim:small", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json.items() >= {"action": "loaded", "core": "small", "golden_images": 40, "mismatches": 0}.items()
    assert set(done.json["link"].values()) == {0, 1}  # no error was counted, and one session


def test_load_finds_wrong_weights(run, deployment: Path) -> None:
    device = ModelBoard(CONFIGS["small"])
    with served("pty", device) as port:
        assert run("load", deployment, "--board", port.url).code == 0
        assert run("load", deployment, "--board", port.url, "--verify", "--json").json["action"] == "verified"
        device.core.memories[Memory.WEIGHTS, 0][1] ^= 0x40
        spoiled = run("load", deployment, "--board", port.url, "--verify")
    assert spoiled.code == 1
    assert spoiled.err == (
        "error: the board's memories differ from what was loaded; load it again\n"
        "memory WEIGHTS of stage 0: 1 words differ, the first is word 0\n"
    )


def test_load_names_the_first_difference(run, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = ModelBoard(CONFIGS["small"])
    classify = device.core.classify

    def off_by_one(events):
        batch = classify(events)
        batch.results["step"][0] += 1
        return batch

    monkeypatch.setattr(device.core, "classify", off_by_one)
    with served("pty", device) as port:
        done = run("load", deployment, "--board", port.url, "--json")
    assert done.code == 1
    assert done.json["mismatches"] >= 1
    assert done.json["first_mismatch"].startswith("image 0: step is ")


def test_stream_compares_every_spike(run, deployment: Path) -> None:
    done = run(
        "stream", deployment, "--board", "sim:small", "--data", "yinyang:test", "--limit", "60", "--compare", "--json"
    )
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert found.items() >= {"images": 60, "mismatches": 0, "board": "sim:small", "loaded": True}.items()
    model = run("simulate", deployment, "--data", "yinyang:test", "--limit", "60", "--json").json
    for name in ("accuracy", "spikes_total", "lookups", "steps", "tie_rate", "silent_rate"):
        assert found[name] == model[name], name


def test_stream_loads_only_what_the_board_does_not_hold(run, deployment: Path) -> None:
    with served("pty", core="small") as port:
        words = ("stream", deployment, "--board", port.url, "--data", "yinyang:test", "--limit", "20", "--json")
        assert [run(*words).json["loaded"] for _ in range(2)] == [True, False]
        assert "lookups" not in run(*words).json  # look-ups are known only if the spikes are compared


def test_stream_reports_the_errors_of_a_bad_line_that_were_corrected(run, deployment: Path) -> None:
    url = "sim:small?faults=flip=1e-4,seed=3&baudrate=12000000"
    done = run("stream", deployment, "--board", url, "--data", "yinyang:test", "--limit", "300", "--compare", "--json")
    assert done.code == 0, done.err
    assert done.json["mismatches"] == 0
    assert done.json["link"]["frames_bad"] + done.json["link"]["damaged_here"] > 0


def test_monitor_takes_samples(run) -> None:
    done = run("monitor", "--board", "sim:small", "--json")
    (sample,) = done.json["samples"]
    assert sample["configuration"] == "empty"
    shown = run("monitor", "--board", "sim:small", "--samples", "2", "--interval", "0.01")
    assert (shown.code, shown.err) == (0, "")
    heading, rule, *values = shown.out.splitlines()
    assert heading.split()[0] == "state"
    assert set(rule) == {"-", " "}
    assert [line.split()[0] for line in values] == ["empty", "empty"]


def test_bench_compares_its_figures_with_the_speed_of_the_line(run, deployment: Path) -> None:
    words = ("bench", deployment, "--board", "sim:small", "--data", "yinyang:test", "--images", "100", "--json")
    found = run(*words).json
    assert found["images"] == 100
    assert found["line_bytes_per_second"] == 1_200_000
    assert 0 < found["upload_overhead"] < 1  # the upload of a tiny network consists mostly of headers
    assert found["round_trip_us"]["p50"] > 0


def test_devices_lists_ports_and_virtual_boards(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Port:
        device, description, serial_number, vid, pid = "/dev/null", "n/a", "D0081", 0x0403, 0x6015

    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Port()])
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (found,) = run("devices", "--json").json["devices"]
    assert found == {
        "url": "serial:///dev/null",
        "kind": devices.KNOWN[0x0403, 0x6015],
        "serial": "D0081",
        "usable": True,
    }
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    assert run("devices").out == "there is no serial port and no virtual board; firstspike board starts one\n"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_virtual_board_runs_until_it_is_told_to_stop(run, deployment: Path, tmp_path: Path, end: int) -> None:
    name = tmp_path / "board"
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    words = [*FIRSTSPIKE, "board", "--core", "small", "--listen", f"pty:{name}", "--json"]
    board = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert board.stdout is not None
        about = json.loads(board.stdout.readline())
        assert about == {"url": str(name), "backend": "model", "core": "small"}
        listed = subprocess.run(
            [*FIRSTSPIKE, "devices", "--json"], capture_output=True, text=True, env=environment, check=True
        )
        urls = {entry["url"]: entry for entry in json.loads(listed.stdout)["devices"]}
        assert urls[str(name)]["serial"] == f"process {board.pid}"
        assert run("load", deployment, "--board", name).code == 0
    finally:
        board.send_signal(end)
        code = board.wait(10)
    assert code == (0 if end == signal.SIGINT else 143)
    assert not name.is_symlink()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["load", "nothing", "--board", "sim:"],
            1,
            "nothing: no such deployment directory; make one with firstspike compile",
        ),
        (["monitor", "--board", "/dev/ttyNONE0"], 1, "there is no serial port /dev/ttyNONE0; firstspike devices lists"),
        (["monitor", "--board", "usb:"], 2, "unknown kind of board 'usb'"),
        (["monitor"], 2, "the following arguments are required: --board (see firstspike monitor --help)"),
        (["board", "--pace"], 2, "--pace needs a speed from --baudrate; for example --baudrate 3000000 --pace"),
        (["board", "--listen", "ptty"], 2, "unknown way to listen 'ptty', did you mean pty? known: pty, socket"),
        (["board", "--faults", "flip=9"], 2, "a fault is a name and a chance in 0..1, not 'flip=9'"),
        (["board", "--backend", "rlt"], 2, "--backend: unknown backend 'rlt', did you mean rtl? known: model, rtl"),
    ],
)
def test_wrong_arguments_are_refused_with_a_reason(run, words: list[str], code: int, message: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"error: {message}")
