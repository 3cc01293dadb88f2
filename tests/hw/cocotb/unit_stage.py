"""Compares a stage with its layer in plain numpy: which neurons fire at which step with what excess, and its end."""

import cocotb
import numpy as np
from bench_units import SEED, STAGE, STEPS, Unit, pack, unpack

from firstspike_contract import kernel_tables
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.stage.issue import counts_layout, stop_layout
from firstspike_hw.stage.stage import layer_layout

ROUNDS = 16


def _expected(weights, constants, times, tables):
    """Returns whether each neuron fires, bool ``[T, n]``, and V - th, int ``[T, n]``.

    `times`, ``[n_in]``, holds -1 for inputs without a spike.
    """
    steps = np.arange(STEPS)[:, None]
    pre = np.concatenate([times, constants])
    came = (pre >= 0) & (pre <= steps)
    excess = (came * (tables.m[:, None] - tables.m[np.maximum(pre, 0)])) @ weights.astype(np.int64) - tables.th[:, None]
    above = excess >= 0
    before = np.vstack([np.zeros_like(above[:1]), np.logical_or.accumulate(above)[:-1]])
    return above & ~before, excess


@cocotb.test()
async def stage_equals_its_layer(dut) -> None:
    """The horizon rises with the spikes, rows are acknowledged late, and some images end before the last step."""
    u = await Unit(dut, "stage").start()
    chances = u.chances
    filed, row_layout = u.component.filed.payload.shape(), u.component.row
    u["steps"], u["tracing"] = STEPS, 0
    for n in range(ROUNDS):
        random = np.random.default_rng(1000 * SEED + n)
        inputs, outputs = int(random.integers(1, 21)), int(random.integers(1, 16))
        constants = np.sort(random.integers(0, STEPS, int(random.integers(0, 5))))
        kernel = str(random.choice(["linear", "exponential"]))
        bits = 0 if kernel == "linear" else 5
        theta = int(random.choice([1, 200, 2000]))
        tables = kernel_tables(kernel, steps=STEPS, tau_steps=6.0, theta=theta, fraction_bits=bits)
        weights = random.choice([-127, -20, 3, 60, 127], (inputs + len(constants), outputs))
        times = np.where(random.random(inputs) < 0.7, random.integers(0, STEPS, inputs), -1)
        rows = STAGE.rows(outputs)
        layer = pack(layer_layout(STAGE), inputs=inputs, constants=len(constants), outputs=outputs, rows=rows)
        u["layer"] = layer
        await u.load("times", constants.tolist())
        rises, changes = np.diff(tables.m, prepend=tables.m[:1]), np.diff(tables.th, prepend=0)
        await u.load(
            "tables", [1 | int(r) << 32 | (int(c) & (1 << 64) - 1) << 64 for r, c in zip(rises, changes, strict=True)]
        )
        padded = np.zeros((len(weights), rows * STAGE.lanes), np.int64)
        padded[:, :outputs] = weights
        await u.load(
            "weights",
            [
                sum((int(w) & 255) << 8 * k for k, w in enumerate(padded[i, r * STAGE.lanes : (r + 1) * STAGE.lanes]))
                for r in range(rows)
                for i in range(len(weights))
            ],
        )
        fires, excess = _expected(weights, constants, times, tables)
        last = STEPS - 1 if n % 2 else chances.randrange(STEPS)  # the step that ends the image
        to_file = [(t, [x for x in range(inputs) if times[x] == t]) for t in range(STEPS)]
        messages = []
        for t, xs in to_file:  # the last message of a step raises the horizon
            spikes = [(1, t, x) for x in xs] or [(0, t, 0)]
            messages += [(*spike, k == len(spikes) - 1, t + 1) for k, spike in enumerate(spikes)]
        u["start"] = 1
        await u.tick()
        u["start"], waiting, seen, after = 0, 0, {}, 0
        hurry, slow = chances.choice([0.05, 0.5, 1.0]), chances.choice([0.1, 1.0])
        for _ in range(8000):
            go = bool(messages) and chances.random() < hurry
            u["filed__valid"] = go
            if go:
                spike, t, x, done, horizon = messages.pop(0)
                u["filed__payload"] = pack(filed, spike=spike, t=t, x=x, done=done, horizon=horizon)
            acknowledge = waiting > 0 and chances.random() < slow
            u["row_taken"] = acknowledge
            await u.tick()
            waiting -= acknowledge
            if u["rows__valid"]:
                waiting += 1
                assert waiting <= Serialiser.depth, f"seed {SEED}, round {n}: too many rows are waiting"
                row = unpack(row_layout, u["rows__payload"])
                seen[row["t"], row["row"]] = row
                assert row["last"] == (row["row"] == rows - 1)
                if row["t"] == last and row["last"] and last < STEPS - 1:
                    u["stop"] = pack(stop_layout(STEPS), valid=1, t=last)
            after += u["finished"]
            if after > u.component.row_latency:  # by then all rows have arrived
                break
        u["row_taken"] = 0
        assert u["finished"], f"seed {SEED}, round {n}: the stage hangs"
        await u.tick(3)
        if last == STEPS - 1:  # the verdict at the last step comes after all stages have finished
            u["stop"] = pack(stop_layout(STEPS), valid=1, t=last)
            await u.tick(3)
        counts = unpack(counts_layout(), u["counts"])
        where = f"seed {SEED}, round {n}"
        expected = {"spikes": int(((times >= 0) & (times <= last)).sum()), "constants": int((constants <= last).sum())}
        assert counts == expected, f"{where}: wrong counts at step {last}"
        for t in range(last + 1):
            for r in range(rows):
                got = seen[t, r]
                for k in range(min(STAGE.lanes, outputs - r * STAGE.lanes)):
                    j = r * STAGE.lanes + k
                    value = got["values"] >> STAGE.v_bits * k & (1 << STAGE.v_bits) - 1
                    value -= (value >> STAGE.v_bits - 1) << STAGE.v_bits
                    assert bool(got["fires"] >> k & 1) == fires[t, j], f"{where}: neuron {j} at step {t}"
                    if fires[t, j] or not fires[: t + 1, j].any():
                        assert value == excess[t, j], f"{where}: V - th of neuron {j} at step {t}"
        u["filed__valid"], u["clear"] = 0, 1
        await u.tick()
        u["clear"], u["stop"] = 0, 0
        await u.tick(4)
