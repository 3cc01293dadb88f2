// A C ABI around the Verilator model of a whole board (docs/protocol.md). It shows the serial line and nothing else.
//
// Every clock cycle is two evaluations: inputs and the falling edge, then the rising edge. The line to the board is
// driven bit by bit from a queue of bytes, and the line from the board is sampled bit by bit. Both run back to back at
// the rate of the divisor, so that bytes take as many cycles as on a real line.
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vcore.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr int BITS = 10;  // start bit, eight data bits, stop bit
constexpr uint32_t BROKEN = 0x100, DIRECT = 0x200;  // marks of a byte: it has no stop bit; it goes to the byte port
constexpr uint32_t DIRECT_CYCLES = 4;  // cycles from one byte to the next at the byte port

template <class Board>
concept HasPort = requires(Board& board) { board.bytes_tvalid; };
constexpr bool has_port = HasPort<Vcore>;

// Sets the byte port, if this board has one.
template <class Board>
void set_port(Board& board, bool valid, uint32_t byte) {
    if constexpr (HasPort<Board>) {
        board.bytes_tvalid = valid;
        board.bytes_tdata = byte & 0xFF;
    }
}

struct Sim {
    VerilatedContext context;
    std::unique_ptr<Vcore> board;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waves;
    bool dumping = true;
#endif
    uint64_t cycles = 0;
    uint32_t divisor = 4;

    std::deque<uint16_t> to_board;  // bytes to send, each with its marks
    uint32_t frame = 0;             // bits to send, the next one lowest
    uint32_t bits_left = 0, bit_timer = 0, direct_timer = 0, idle = 0;

    std::vector<uint8_t> from_board;
    uint64_t broken = 0;  // bytes from the board that had no stop bit
    uint32_t sampled = 0, samples_left = 0, sample_timer = 0;
    bool low_before = false;

    void tick() {
        direct_timer -= direct_timer != 0;
        idle = bits_left == 0 ? idle + 1 : 0;
        // The board receives the last byte of the line some cycles after its end.
        const bool by_port = idle > 2 * divisor && direct_timer == 0 && !to_board.empty() && to_board.front() & DIRECT;
        set_port(*board, by_port && has_port, by_port ? to_board.front() : 0);
        if (by_port && has_port) {
            to_board.pop_front();
            direct_timer = DIRECT_CYCLES;
        } else if (bits_left == 0 && direct_timer == 0 && !to_board.empty() && !(has_port && to_board.front() & DIRECT)) {
            const uint32_t byte = to_board.front();
            to_board.pop_front();
            frame = (byte & 0xFF) << 1 | (byte & BROKEN ? 0u : 0x200u);
            bits_left = BITS;
            bit_timer = divisor;
        }
        board->rx = bits_left == 0 ? 1 : frame & 1;
        if (bits_left != 0 && --bit_timer == 0) {
            frame >>= 1;
            --bits_left;
            bit_timer = divisor;
        }
        board->clk = 0;
        board->eval();
#if VM_TRACE
        if (waves && dumping) waves->dump(10 * cycles);
#endif
        sample(board->tx);
        board->clk = 1;
        board->eval();
#if VM_TRACE
        if (waves && dumping) waves->dump(10 * cycles + 5);
#endif
        ++cycles;
    }

    void sample(bool level) {
        if (samples_left == 0) {
            if (!level && !low_before) {
                samples_left = BITS;
                sample_timer = divisor / 2;
                sampled = 0;
            }
            low_before = !level && low_before;  // after a byte without a stop bit, wait for a high line
            return;
        }
        if (--sample_timer != 0) return;
        sample_timer = divisor;
        sampled = sampled >> 1 | (level ? 0x200u : 0u);
        if (samples_left == BITS && level) {  // not a start bit
            samples_left = 0;
        } else if (--samples_left == 0) {
            from_board.push_back(sampled >> 1 & 0xFF);
            broken += !level;
            low_before = !level;
        }
    }
};

}  // namespace

extern "C" {

// Opens a simulated board. divisor: cycles per bit. waves: path of a VCD waveform to write, or null.
// Returns null if `waves` is given and the library was built without waveforms.
void* fb_open(uint32_t divisor, const char* waves) {
    auto sim = std::make_unique<Sim>();
    sim->context.traceEverOn(waves != nullptr);
    sim->board = std::make_unique<Vcore>(&sim->context);
    sim->divisor = divisor;
    if (waves != nullptr) {
#if VM_TRACE
        sim->waves = std::make_unique<VerilatedVcdC>();
        sim->board->trace(sim->waves.get(), 99);
        sim->waves->open(waves);
#else
        return nullptr;
#endif
    }
    return sim.release();
}

void fb_close(void* handle) {
    auto* sim = static_cast<Sim*>(handle);
#if VM_TRACE
    if (sim->waves) sim->waves->close();
#endif
    sim->board->final();
    delete sim;
}

// Holds `rst` for `cycles` cycles; the serial line keeps running.
void fb_reset(void* handle, uint64_t cycles) {
    auto* sim = static_cast<Sim*>(handle);
    sim->board->rst = 1;
    for (; cycles > 0; --cycles) sim->tick();
    sim->board->rst = 0;
}

uint64_t fb_cycles(void* handle) { return static_cast<Sim*>(handle)->cycles; }

// Switches the writing of the waveform on or off.
void fb_dump(void* handle, int32_t on) {
#if VM_TRACE
    static_cast<Sim*>(handle)->dumping = on;
#else
    (void)handle, (void)on;
#endif
}

// Puts n bytes into the queue to the board. Unless `broken` is null, broken[i] says that byte i has no stop bit.
// With by_port the bytes go to the byte port instead of the serial line.
void fb_feed(void* handle, const uint8_t* bytes, const uint8_t* broken, uint64_t n, int32_t by_port) {
    auto* sim = static_cast<Sim*>(handle);
    for (uint64_t i = 0; i < n; ++i)
        sim->to_board.push_back(bytes[i] | (broken != nullptr && broken[i] ? BROKEN : 0) | (by_port ? DIRECT : 0));
}

// Returns the number of bytes in the queue to the board.
uint64_t fb_queued(void* handle) { return static_cast<Sim*>(handle)->to_board.size(); }

// Empties the queue to the board, as when the cable is pulled.
void fb_unplug(void* handle) { static_cast<Sim*>(handle)->to_board.clear(); }

// Runs up to `cycles` cycles. Ends early when `wanted` received bytes are waiting to be taken, or when at most `queued`
// bytes are left in the queue to the board; a negative `queued` is no limit. Returns the number of cycles run.
uint64_t fb_run(void* handle, uint64_t cycles, uint64_t wanted, int64_t queued) {
    auto* sim = static_cast<Sim*>(handle);
    const uint64_t start = sim->cycles;
    while (sim->cycles - start < cycles && sim->from_board.size() < wanted &&
           static_cast<int64_t>(sim->to_board.size()) > queued)
        sim->tick();
    return sim->cycles - start;
}

// Returns the number of bytes received from the board and not taken.
uint64_t fb_waiting(void* handle) { return static_cast<Sim*>(handle)->from_board.size(); }

// Returns the number of bytes from the board without a stop bit since the start.
uint64_t fb_broken(void* handle) { return static_cast<Sim*>(handle)->broken; }

// Moves the first n received bytes to `out`.
void fb_take(void* handle, uint8_t* out, uint64_t n) {
    auto& bytes = static_cast<Sim*>(handle)->from_board;
    if (n != 0) std::memcpy(out, bytes.data(), n);
    bytes.erase(bytes.begin(), bytes.begin() + n);
}

}  // extern "C"
