// A stand-in with the ports of the event core (docs/core.md), to test the harness without the gateware.
// Registers and memories keep the words that are written (memories only from MEM_ADDRESS 0 on). The answer to an image
// has class = label, step = 3, spikes_input = number of events and spikes_hidden = sum of their x. With the flag SPIKES
// the trace has one spike (layer 1, t 2, x 0). An image with label 0xdead is never answered. Register 0x0F0 selects a
// fault (`fault` below).
module firstspike_core (
    input clk, input rst,
    input [31:0] s_axis_tdata, input s_axis_tvalid, input s_axis_tlast, output s_axis_tready,
    output [31:0] m_axis_tdata, output m_axis_tvalid, output m_axis_tlast, input m_axis_tready,
    output [31:0] t_axis_tdata, output t_axis_tvalid, output t_axis_tlast, input t_axis_tready,
    input [11:0] s_axil_awaddr, input s_axil_awvalid, output s_axil_awready,
    input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output s_axil_wready,
    output reg [1:0] s_axil_bresp, output reg s_axil_bvalid, input s_axil_bready,
    input [11:0] s_axil_araddr, input s_axil_arvalid, output s_axil_arready,
    output reg [31:0] s_axil_rdata, output reg [1:0] s_axil_rresp, output reg s_axil_rvalid, input s_axil_rready
);
    function [31:0] crc(input [31:0] seed, input [31:0] word);
        integer i;
        begin
            crc = ~seed;
            for (i = 0; i < 32; i = i + 1) crc = (crc >> 1) ^ ((crc[0] ^ word[i]) ? 32'hedb88320 : 32'd0);
            crc = ~crc;
        end
    endfunction

    reg [31:0] registers [0:1023];
    reg [31:0] mem [0:1048575];
    wire [3:0] fault = registers[60][3:0];
    reg [15:0] place;
    reg [31:0] sum;
    wire [19:0] at = {registers[12][8], registers[12][2:0], place};  // stage, kind
    wire write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && !s_axil_rvalid;
    wire read = s_axil_arvalid && !write && !s_axil_bvalid && !s_axil_rvalid;
    wire there_w = s_axil_awaddr < 12'h180, there_r = s_axil_araddr < 12'h180;
    assign s_axil_awready = write, s_axil_wready = write, s_axil_arready = read;

    localparam TAKE = 0, SPIKE = 1, MARK = 2, ANSWER = 3, STUCK = 4;
    reg [2:0] state;
    reg header_next;
    reg [31:0] header, events, total, waited;
    reg [3:0] beat;
    assign s_axis_tready = state == TAKE && registers[4][0];
    assign t_axis_tvalid = state == SPIKE || state == MARK;
    assign t_axis_tdata = state == SPIKE ? {fault == 6 ? 8'd3 : 8'd1, 8'd2, 16'd0} : {8'h80, fault == 7 ? 8'd4 : 8'd3, 8'd0, header[15:8]};
    assign t_axis_tlast = state == MARK && fault != 4;
    assign m_axis_tvalid = state == ANSWER;
    assign m_axis_tlast = beat == (fault == 3 ? 9 : 10);
    assign m_axis_tdata = beat == 0 ? {16'd3, 8'd0, header[15:8] + (fault == 5)} : beat == 1 ? {header[31:16], header[31:16]} :
        beat == 2 ? events : beat == 3 ? total : beat == 8 ? 32'd100 + events : beat == 9 ? waited : 32'd7;

    always @(posedge clk) begin
        if (s_axil_bready) s_axil_bvalid <= 0;
        if (s_axil_rready) s_axil_rvalid <= 0;
        if (write) begin
            s_axil_bvalid <= 1;
            s_axil_bresp <= there_w ? 2'd0 : 2'd2;
            if (there_w) registers[s_axil_awaddr[11:2]] <= s_axil_wdata;
            if (s_axil_awaddr == 12'h034) begin place <= 0; sum <= 0; end
            if (s_axil_awaddr == 12'h038) begin mem[fault == 1 ? at ^ 20'd3 : at] <= s_axil_wdata; sum <= crc(sum, s_axil_wdata); place <= place + 1; end
        end
        if (read) begin
            s_axil_rvalid <= 1;
            s_axil_rresp <= there_r ? 2'd0 : 2'd2;
            s_axil_rdata <= s_axil_araddr == 12'h000 ? 32'h4b505331 + (fault == 8) : s_axil_araddr == 12'h004 ? 1 :
                s_axil_araddr == 12'h014 ? 1 : s_axil_araddr == 12'h03c ? sum + (fault == 2) :
                s_axil_araddr == 12'h038 ? mem[at] : registers[s_axil_araddr[11:2]];
            if (s_axil_araddr == 12'h038) begin sum <= crc(sum, mem[at]); place <= place + 1; end
        end
        if (state != ANSWER || fault == 9) waited <= waited + 1;
        case (state)
            TAKE: if (s_axis_tvalid && s_axis_tready) begin
                header_next <= s_axis_tlast;
                if (header_next) begin header <= s_axis_tdata; events <= 0; total <= 0; end
                else begin events <= events + 1; total <= total + s_axis_tdata[31:16]; end
                if (s_axis_tlast) begin
                    waited <= 1;
                    state <= (header_next ? s_axis_tdata[31:16] : header[31:16]) == 16'hdead ? STUCK :
                        (header_next ? s_axis_tdata[1] : header[1]) ? SPIKE : ANSWER;
                end
            end
            SPIKE: if (t_axis_tready) state <= MARK;
            MARK: if (t_axis_tready) state <= ANSWER;
            ANSWER: if (m_axis_tready) begin
                beat <= m_axis_tlast ? 0 : beat + 1;
                if (m_axis_tlast) state <= TAKE;
            end
            default: ;
        endcase
        if (rst) begin
            state <= TAKE; header_next <= 1; beat <= 0; s_axil_bvalid <= 0; s_axil_rvalid <= 0;
            registers[4] <= 0;
        end
    end
endmodule
