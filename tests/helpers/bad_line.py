"""Two endpoints with a bad line between them, in simulated time."""

import random
from dataclasses import dataclass, field

from firstspike.link import Deframer, Endpoint
from firstspike.link.faults import Faults, Mangler
from firstspike_contract.link.wire import FROM_BOARD

TICK = 0.001
RATE = 1_200_000  # bytes per second


@dataclass(kw_only=True)
class Pair:
    """Two endpoints, a and b, whose frames pass through the faults of a line. Times are in simulated seconds."""

    faults: Faults
    slow_reader: float = 0.0  # chance that b reads nothing in one TICK
    now: float = 0.0
    a: Endpoint = field(default_factory=lambda: Endpoint(5))
    b: Endpoint = field(default_factory=lambda: Endpoint(5, kind_bit=FROM_BOARD))

    def run(self, there: bytes, back: bytes, limit: float = 600.0) -> None:
        """Sends `there` from a to b and `back` from b to a.

        Raises AssertionError if a byte is wrong, or if bytes are still missing after `limit` seconds.
        """
        chance = random.Random(self.faults.seed)
        ways = [
            [self.a, self.b, Mangler(self.faults, 0), Deframer(), b"", bytearray()],
            [self.b, self.a, Mangler(self.faults, 1), Deframer(), b"", bytearray()],
        ]
        self.a.write(there)
        self.b.write(back)
        end = self.now + limit
        while (len(ways[0][5]), len(ways[1][5])) != (len(there), len(back)):
            assert self.now < end, (len(ways[0][5]), len(ways[1][5]), vars(self.a.counters), vars(self.b.counters))
            self.now += TICK
            for way in ways:
                sender, receiver, mangler, deframer, queue, came = way
                if len(queue) < 2000:
                    queue += sender.transmit(self.now, 2000)
                count = int(RATE * TICK)
                for frame in deframer.feed(mangler.hurt(queue[:count])):
                    if frame is None:
                        receiver.damaged()
                    else:
                        receiver.receive(frame, self.now)
                way[4] = queue[count:]
                if receiver is self.a or chance.random() >= self.slow_reader:
                    came += receiver.peek()
                    receiver.skip(receiver.waiting)
            assert ways[0][5] == there[: len(ways[0][5])], "a wrong byte arrived"
            assert ways[1][5] == back[: len(ways[1][5])], "a wrong byte arrived"
