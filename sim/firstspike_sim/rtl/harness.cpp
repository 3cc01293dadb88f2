// A C ABI around the Verilator model of the event core (docs/core.md). It shows registers and streams and nothing else.
//
// Every clock cycle is two evaluations: inputs and the falling edge, then the rising edge. Handshakes are read between
// them. Beats to send and received beats are kept in queues, so that a run may have several parts without gaps.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vcore.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

enum Status : int32_t { OK = 0, SLAVE_ERROR = 2, TIMEOUT = -1, PROTOCOL = -2 };

// The build defines RESULT_BEATS and TRACE_END (the marker's bit of a trace beat), which the contract declares.
constexpr uint64_t AXI_PATIENCE = 100000;  // most cycles of one register access

// xorshift64*, which gives equal stalls for equal seeds on every machine.
struct Random {
    uint64_t state = 1;
    bool below(uint32_t of_65536) {
        if (of_65536 == 0) return false;
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return ((state * 0x2545F4914F6CDD1Dull) >> 48) < of_65536;
    }
};

// A stream that the core sends: the received beats, and what is needed to check the rules of AXI4-Stream.
struct Sink {
    std::vector<uint32_t> beats;
    uint64_t packets = 0;
    uint32_t beat = 0;  // number of the next beat in its packet
    bool held = false;
    uint32_t data = 0;
    bool last = false;
};

struct Sim {
    VerilatedContext context;
    std::unique_ptr<Vcore> core;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waves;
    bool dumping = true;
#endif
    uint64_t cycles = 0;
    uint64_t moved = 0;  // cycle of the last transfer on any stream
    std::vector<uint32_t> beats;
    std::vector<uint8_t> lasts;
    size_t sent = 0;
    bool offering = false;
    Sink results, trace;
    Random gaps, result_stalls, trace_stalls;
    uint32_t gap = 0, result_stall = 0, trace_stall = 0;  // chances in units of 1 / 65536
    std::string error;

    void low() {
        core->clk = 0;
        core->eval();
#if VM_TRACE
        if (waves && dumping) waves->dump(10 * cycles);
#endif
    }

    void high() {
        core->clk = 1;
        core->eval();
#if VM_TRACE
        if (waves && dumping) waves->dump(10 * cycles + 5);
#endif
        ++cycles;
    }

    // Handles what the core offers before this rising edge. Returns false if the core breaks a rule.
    bool take(Sink& sink, const char* name, bool valid, bool ready, bool last, uint32_t data, bool ends) {
        if (sink.held && !(valid && data == sink.data && last == sink.last)) {
            error = std::string(name) + ": tvalid fell or the payload changed while tready was low";
            return false;
        }
        sink.held = valid && !ready;
        sink.data = data;
        sink.last = last;
        if (!(valid && ready)) return true;
        if (last != ends) {
            error = std::string(name) + (last ? ": TLAST in the middle of a packet" : ": TLAST is missing");
            return false;
        }
        sink.beats.push_back(data);
        sink.beat = last ? 0 : sink.beat + 1;
        sink.packets += last;
        moved = cycles;
        return true;
    }

    // Runs the streams for one cycle. Returns false if the core breaks a rule.
    bool stream() {
        if (!offering && sent < beats.size() && !gaps.below(gap)) offering = true;
        core->s_axis_tvalid = offering;
        core->s_axis_tdata = offering ? beats[sent] : 0;
        core->s_axis_tlast = offering && lasts[sent];
        core->m_axis_tready = !result_stalls.below(result_stall);
        core->t_axis_tready = !trace_stalls.below(trace_stall);
        low();
        if (offering && core->s_axis_tready) {
            ++sent;
            offering = false;
            moved = cycles;
        }
        const uint32_t spike = core->t_axis_tdata;
        const bool ok = take(results, "m_axis", core->m_axis_tvalid, core->m_axis_tready, core->m_axis_tlast,
                             core->m_axis_tdata, results.beat == RESULT_BEATS - 1) &&
                        take(trace, "t_axis", core->t_axis_tvalid, core->t_axis_tready, core->t_axis_tlast, spike,
                             (spike & TRACE_END) != 0);
        high();
        return ok;
    }

    void idle_streams() {
        core->s_axis_tvalid = 0;
        core->m_axis_tready = 0;
        core->t_axis_tready = 0;
    }

    int32_t write(uint32_t address, uint32_t value) {
        core->s_axil_awaddr = address;
        core->s_axil_awvalid = 1;
        core->s_axil_wdata = value;
        core->s_axil_wstrb = 15;
        core->s_axil_wvalid = 1;
        core->s_axil_bready = 1;
        for (uint64_t n = 0; n < AXI_PATIENCE; ++n) {
            low();
            const bool address_taken = core->s_axil_awvalid && core->s_axil_awready;
            const bool data_taken = core->s_axil_wvalid && core->s_axil_wready;
            const bool done = core->s_axil_bvalid;
            const int32_t response = core->s_axil_bresp;
            high();
            if (address_taken) core->s_axil_awvalid = 0;
            if (data_taken) core->s_axil_wvalid = 0;
            if (done) return response;
        }
        error = "s_axil: no write response";
        return TIMEOUT;
    }

    int32_t read(uint32_t address, uint32_t* value) {
        core->s_axil_araddr = address;
        core->s_axil_arvalid = 1;
        core->s_axil_rready = 1;
        for (uint64_t n = 0; n < AXI_PATIENCE; ++n) {
            low();
            const bool taken = core->s_axil_arvalid && core->s_axil_arready;
            const bool done = core->s_axil_rvalid;
            const int32_t response = core->s_axil_rresp;
            *value = core->s_axil_rdata;
            high();
            if (taken) core->s_axil_arvalid = 0;
            if (done) return response;
        }
        error = "s_axil: no read response";
        return TIMEOUT;
    }

    void reset() {
        idle_streams();
        core->rst = 1;
        for (int n = 0; n < 4; ++n) {
            low();
            high();
        }
        core->rst = 0;
        forget();
    }

    void forget() {
        beats.clear();
        lasts.clear();
        sent = 0;
        offering = false;
        results = Sink();
        trace = Sink();
    }
};

}  // namespace

extern "C" {

// Opens a simulated core and resets it. waves: path of a VCD waveform to write, or null.
// Returns null if `waves` is given and the library was built without waveforms.
void* fs_open(const char* waves) {
    auto sim = std::make_unique<Sim>();
    sim->context.traceEverOn(waves != nullptr);
    sim->core = std::make_unique<Vcore>(&sim->context);
    if (waves != nullptr) {
#if VM_TRACE
        sim->waves = std::make_unique<VerilatedVcdC>();
        sim->core->trace(sim->waves.get(), 99);
        sim->waves->open(waves);
#else
        return nullptr;
#endif
    }
    sim->reset();
    return sim.release();
}

void fs_close(void* handle) {
    auto* sim = static_cast<Sim*>(handle);
#if VM_TRACE
    if (sim->waves) sim->waves->close();
#endif
    sim->core->final();
    delete sim;
}

void fs_reset(void* handle) { static_cast<Sim*>(handle)->reset(); }

const char* fs_error(void* handle) { return static_cast<Sim*>(handle)->error.c_str(); }

// Switches the writing of the waveform on or off, because loading a network would fill it.
void fs_dump(void* handle, int32_t on) {
#if VM_TRACE
    static_cast<Sim*>(handle)->dumping = on;
#else
    (void)handle, (void)on;
#endif
}

uint64_t fs_cycles(void* handle) { return static_cast<Sim*>(handle)->cycles; }

// Lets `cycles` cycles pass with all streams idle.
void fs_wait(void* handle, uint64_t cycles) {
    auto* sim = static_cast<Sim*>(handle);
    sim->idle_streams();
    for (; cycles > 0; --cycles) {
        sim->low();
        sim->high();
    }
}

// Writes n words to one address. Stops at the first response that is not OKAY, and returns it.
int32_t fs_write(void* handle, uint32_t address, const uint32_t* values, uint64_t n) {
    auto* sim = static_cast<Sim*>(handle);
    for (uint64_t i = 0; i < n; ++i)
        if (const int32_t response = sim->write(address, values[i])) return response;
    return OK;
}

// Reads n words from one address. Stops at the first response that is not OKAY, and returns it.
int32_t fs_read(void* handle, uint32_t address, uint32_t* values, uint64_t n) {
    auto* sim = static_cast<Sim*>(handle);
    for (uint64_t i = 0; i < n; ++i)
        if (const int32_t response = sim->read(address, values + i)) return response;
    return OK;
}

// Sets the chances, in units of 1 / 65536, that the sender pauses and that a receiver is not ready in a cycle.
void fs_stalls(void* handle, uint64_t seed, uint32_t gap, uint32_t result_stall, uint32_t trace_stall) {
    auto* sim = static_cast<Sim*>(handle);
    sim->gaps.state = seed * 2 + 1;
    sim->result_stalls.state = seed * 6 + 5;
    sim->trace_stalls.state = seed * 10 + 9;
    sim->gap = gap;
    sim->result_stall = result_stall;
    sim->trace_stall = trace_stall;
}

// Puts n beats into the queue to send; lasts[i] is TLAST of beat i.
void fs_feed(void* handle, const uint32_t* beats, const uint8_t* lasts, uint64_t n) {
    auto* sim = static_cast<Sim*>(handle);
    sim->beats.erase(sim->beats.begin(), sim->beats.begin() + sim->sent);
    sim->lasts.erase(sim->lasts.begin(), sim->lasts.begin() + sim->sent);
    sim->sent = 0;
    sim->beats.insert(sim->beats.end(), beats, beats + n);
    sim->lasts.insert(sim->lasts.end(), lasts, lasts + n);
}

// Runs until `results` result packets and `traces` trace packets were received since the last reset or fs_forget.
// Returns TIMEOUT after more than `patience` cycles without a transfer, PROTOCOL if the core breaks a rule, else OK.
int32_t fs_run(void* handle, uint64_t results, uint64_t traces, uint64_t patience) {
    auto* sim = static_cast<Sim*>(handle);
    sim->moved = sim->cycles;
    while (sim->results.packets < results || sim->trace.packets < traces) {
        if (!sim->stream()) return PROTOCOL;
        if (sim->cycles - sim->moved > patience) {
            sim->error = "nothing moved on any stream for " + std::to_string(patience) + " cycles; " +
                         std::to_string(sim->sent) + " of " + std::to_string(sim->beats.size()) + " beats were taken";
            return TIMEOUT;
        }
    }
    return OK;
}

// Runs the streams for `cycles` cycles: to see that the core sends no more, or to stop in the middle of an image.
int32_t fs_step(void* handle, uint64_t cycles) {
    auto* sim = static_cast<Sim*>(handle);
    for (; cycles > 0; --cycles)
        if (!sim->stream()) return PROTOCOL;
    return OK;
}

// Drops the beats to send and the received beats, unfinished packets included.
void fs_forget(void* handle) { static_cast<Sim*>(handle)->forget(); }

uint64_t fs_waiting(void* handle, int32_t trace) {
    auto* sim = static_cast<Sim*>(handle);
    return (trace ? sim->trace : sim->results).beats.size();
}

// Moves all received beats of a stream to `out`, which has room for fs_waiting of them.
void fs_take(void* handle, int32_t trace, uint32_t* out) {
    auto* sim = static_cast<Sim*>(handle);
    auto& beats = (trace ? sim->trace : sim->results).beats;
    if (!beats.empty()) std::memcpy(out, beats.data(), beats.size() * sizeof(uint32_t));
    beats.clear();
}

}  // extern "C"
