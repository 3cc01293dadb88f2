"""Compares serialiser, filing, decision, result sender and trace with their models."""

import cocotb
from bench_units import SEED, STEPS, Unit, pack, unpack

from firstspike_contract.core.stream_format import RESULT_PACKET
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.spikes.result import packet_layout
from firstspike_hw.spikes.serialiser import Serialiser

LANES, ROWS = 20, 2
ROUNDS = 20


@cocotb.test()
async def serialiser_sends_every_spike_once_in_order(dut) -> None:
    u = await Unit(dut, "serialiser").start()
    chances, row_layout, message = u.chances, u.component.row, u.component.message
    for n in range(ROUNDS):
        share = chances.choice([0.0, 0.05, 0.3, 1.0])
        rows = [
            (sum((chances.random() < share) << k for k in range(LANES)), row, t, row == ROWS - 1)
            for t in range(STEPS)
            for row in range(ROWS)
        ]
        expected = u.component.model(rows)
        left, outstanding, came = list(rows), 0, []
        stall = chances.choice([0.0, 0.5, 0.9])
        for _ in range(20_000):
            go = bool(left) and outstanding < Serialiser.depth and chances.random() < 0.8
            u["rows__valid"] = go
            if go:
                fires, row, t, last = left.pop(0)
                u["rows__payload"] = pack(row_layout, fires=fires, row=row, t=t, last=last)
                outstanding += 1
            ready = chances.random() >= stall
            u["messages__ready"] = ready
            await u.tick()
            outstanding -= u["taken"]
            if ready and u["messages__valid"]:
                got = unpack(message, u["messages__payload"])
                came.append((got["t"], got["x"] if got["spike"] else None, bool(got["done"])))
            if not left and len(came) >= len(expected):
                break
        assert came == expected, f"seed {SEED}, round {n}"
        u["rows__valid"] = 0


@cocotb.test()
async def filing_adds_the_delay_and_leaves_out_what_is_late(dut) -> None:
    u = await Unit(dut, "filing").start()
    chances, message = u.chances, u.component.message
    out = u.component.filed.payload.shape()
    delays = [chances.choice([0, 1, 5, STEPS - 1, STEPS]) for _ in range(40)]
    await u.load("delays", delays)
    u["steps"], outputs = STEPS, 33
    u["outputs"] = outputs
    sent, came = [], []
    for _ in range(600):
        go = chances.random() < 0.7
        u["messages__valid"] = go
        if go:
            t, x = chances.randrange(STEPS), chances.randrange(40)
            spike, done = chances.random() < 0.8, chances.random() < 0.3
            u["messages__payload"] = pack(message, t=t, x=x, spike=spike, done=done)
            sent.append((t, x, spike, done))
        await u.tick()
        if u["filed__valid"]:
            came.append(unpack(out, u["filed__payload"]))
    assert len(sent) - len(came) <= u.component.latency
    settings = ("set", {"steps": STEPS, "delays": delays[:outputs]})
    expected = u.component.model([settings, *(("message", spike, done, t, x) for t, x, spike, done in sent)])
    for got, wanted in zip(came, expected, strict=False):
        spike = (got["t"], got["x"]) if got["spike"] else None
        assert (spike, got["horizon"] if got["done"] else None) == wanted, f"seed {SEED}"


@cocotb.test()
async def decision_is_the_first_spike_with_ties_as_specified(dut) -> None:
    u = await Unit(dut, "decision").start()
    chances, layout = u.chances, u.component.rows.payload.shape()
    u["steps"] = STEPS
    for n in range(4 * ROUNDS):
        outputs = chances.choice([1, 2, 19, 20, 21, 40])
        rows = -(-outputs // LANES)
        reach = chances.choice([2, 5, 40, 2000])
        bias = chances.choice([0, reach // 2, reach])  # mean distance below the threshold
        excess = [[max(-2048, chances.randint(-reach, reach) - bias) for _ in range(outputs)] for _ in range(STEPS)]
        if n % 4 == 0:
            excess = [[max(-2048, -1 - abs(v)) for v in row] for row in excess]  # a silent image
        if n % 8 == 0:
            excess[-1] = [chances.choice([-1, -2]) for _ in range(outputs)]
        if n % 5 == 0:
            excess[chances.randrange(STEPS)] = [7] * outputs  # all outputs fire at once
        fired: set[int] = set()
        sent = []
        for t in range(STEPS):
            for row in range(rows):
                values = [excess[t][row * LANES + k] if row * LANES + k < outputs else 5 for k in range(LANES)]
                fires = sum((v >= 0 and row * LANES + k not in fired) << k for k, v in enumerate(values))
                fired |= {row * LANES + k for k in range(LANES) if fires >> k & 1}
                packed = sum((v & 0xFFF) << 12 * k for k, v in enumerate(values))
                sent.append(pack(layout, fires=fires, row=row, t=t, last=row == rows - 1, values=packed))
        (expected,) = u.component.model([excess])
        u["outputs"], u["tracing"] = outputs, n % 2
        outstanding, spikes, stall = 0, [], chances.choice([0.0, 0.6])
        for _ in range(6000):
            go = bool(sent) and outstanding < Serialiser.depth and chances.random() < 0.8
            u["rows__valid"] = go
            if go:
                u["rows__payload"] = sent.pop(0)
                outstanding += 1
            ready = chances.random() >= stall
            u["spikes__ready"] = ready
            await u.tick()
            outstanding -= u["row_taken"]
            if ready and u["spikes__valid"]:
                spikes.append(unpack(u.component.spikes.payload.shape(), u["spikes__payload"]))
            verdict = unpack(u.component.verdict.shape(), u["verdict"])
            if verdict["decided"]:
                break
        u["rows__valid"] = 0
        step = expected[1]
        got = tuple(verdict[k] for k in ("class", "step", "silent", "tie", "exact_tie", "fired"))
        assert got == expected, f"seed {SEED}, round {n}: {got} instead of {expected} of {excess[step]}"
        at_once = [x for x, v in enumerate(excess[step]) if v >= 0]
        assert [(s["t"], s["x"]) for s in spikes] == ([(step, x) for x in at_once] if n % 2 else []), f"seed {SEED}"
        u["clear"], u["quiet"] = 1, 1
        await u.tick()
        u["clear"] = 0
        await u.tick(20)
        u["quiet"] = 0
        await u.tick()
        assert not unpack(u.component.verdict.shape(), u["verdict"])["decided"]


@cocotb.test()
async def result_sender_sends_eleven_beats(dut) -> None:
    u = await Unit(dut, "result").start()
    chances, axis = u.chances, axis_layout()
    width = packet_layout().size
    assert width == 352
    packets = [chances.getrandbits(width) for _ in range(ROUNDS)]
    left, came, held = list(packets), [], None
    while len(came) < 11 * len(packets):
        offers = bool(left) and chances.random() < 0.7
        ready = chances.random() < 0.6
        u["packet__valid"], u["beats__ready"] = offers, ready
        if offers:
            u["packet__payload"] = left[0]
        await u.tick()
        if offers and u["packet__ready"]:
            left.pop(0)
        if u["beats__valid"]:
            beat = unpack(axis, u["beats__payload"])
            assert held in (None, beat), "the payload changed before it was taken"
            held = None if ready else beat
            if ready:
                came.append(beat)
        else:
            assert held is None, "valid fell before ready"
    assert [(b["data"], b["last"]) for b in came] == u.component.model([RESULT_PACKET.unpack(word) for word in packets])


@cocotb.test()
async def trace_keeps_each_layer_in_order_and_ends_with_the_marker(dut) -> None:
    u = await Unit(dut, "trace").start()
    chances, axis = u.chances, axis_layout()
    spike = u.component.spikes[0].payload.shape()
    u["layers"] = sum((k + 1) << 7 * k for k in range(3))
    for n in range(ROUNDS):
        sources = [
            sorted((chances.randrange(STEPS), chances.randrange(60_000)) for _ in range(chances.choice([0, 2, 30])))
            for _ in range(3)
        ]
        left, came, ended = [list(s) for s in sources], [], False
        stall = chances.choice([0.0, 0.5, 0.95])
        u["step"], u["tag"] = n % STEPS, n
        for _ in range(5000):
            offers = [bool(s) and chances.random() < 0.6 for s in left]
            for k in range(3):
                u[f"spikes__{k}__valid"] = offers[k]
                if offers[k]:
                    u[f"spikes__{k}__payload"] = pack(spike, t=left[k][0][0], x=left[k][0][1])
            u["end"] = not ended and not any(left)
            ended |= not any(left)
            ready = chances.random() >= stall
            u["beats__ready"] = ready
            await u.tick()
            for k in range(3):
                if offers[k] and u[f"spikes__{k}__ready"]:
                    left[k].pop(0)
            if ready and u["beats__valid"]:
                came.append(unpack(axis, u["beats__payload"]))
                if came[-1]["last"]:
                    break
        u["end"], u["beats__ready"] = 0, 0
        marker = came.pop()
        assert marker["data"] == 1 << 31 | (n % STEPS) << 16 | n, f"seed {SEED}, round {n}"
        assert not any(b["last"] or b["data"] >> 31 for b in came)
        for k in range(3):
            mine = [(b["data"] >> 16 & 255, b["data"] & 65535) for b in came if b["data"] >> 24 == k + 1]
            assert mine == sources[k], f"seed {SEED}, round {n}, layer {k + 1}"
        await u.tick(2)
        assert u["settled"]
