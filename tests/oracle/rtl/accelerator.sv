// Attention on a small accelerator: sequencer, dma, buffers, array, softmax, accumulator
// and the merged checker, with one flip in one register. An oracle for attnguard, see ../README.md.
module accelerator
  import float32::*;
  import types::*;
#(
    parameter int R = 3,   // array rows = query rows of a tile
    parameter int C = 4,   // array columns = keys of a tile; at least 2
    parameter int D = 6,   // head dimension
    parameter int TQ = 7,  // queries
    parameter int TK = 10, // keys
    parameter int HEADS = 1,
    parameter int KV_HEADS = 1,
    parameter int EXP = 6,     // maximum to probability, cycles
    parameter int DIVIDE = 8   // of 1/l and of the checker's quotients, cycles
) (
    input logic clk,
    input logic reset,
    input logic causal,
    input logic streamed,  // K and V come again for every query tile, else once per kv head
    input logic chords,   // 2^x by chords, else by the polynomial
    input logic wide_p,   // probabilities are float32, else bfloat16
    input logic wide_o,   // outputs likewise
    input logic [31:0] memory_latency,  // of external memory, cycles
    input logic [31:0] softmax_scale,  // scale · log2(e), float32
    // A fault: from fault_cycle on it acts in the first fault_duty cycles of every fault_period, or
    // once if that is 0.
    input logic [7:0] fault_site,  // a site_t
    input logic [2:0] fault_effect,  // an effect_t
    input logic [15:0] fault_index,
    input logic [31:0] fault_mask,
    input logic [31:0] fault_cycle,
    input logic [31:0] fault_period,
    input logic [31:0] fault_duty,
    input logic poke,
    input logic [1:0] poke_tensor,
    input logic [15:0] poke_index,
    input logic [15:0] poke_value,
    output logic [31:0] cycle,
    output logic committed[C],
    output logic [15:0] commit_index[C],
    output logic [31:0] commit_value[C],
    output logic checked,
    output logic [31:0] head, query_row,
    output logic [31:0] left, right, residual, scale,
    output logic alarmed,
    output logic alarm_line,
    output logic finished,
    output logic [31:0] finish_cycle
);
  localparam int TREE = 1 + $clog2(C);  // a comparator or adder tree with its output register

  fault_t fault;
  logic acts;
  always_comb begin
    acts = fault_period == 0 ? cycle == fault_cycle
        : cycle >= fault_cycle && (cycle - fault_cycle) % fault_period < fault_duty;
    fault.site = acts && !reset ? site_t'(fault_site) : NO_SITE;
    fault.effect = effect_t'(fault_effect);
    fault.index = fault_index;
    fault.mask = fault_mask;
  end
  always_ff @(posedge clk) cycle <= reset ? 0 : cycle + 1;

  logic load_line, store_line, output_written;
  logic [1:0] load_buffer;
  logic [15:0] load_number, store_number;
  logic load_half;
  logic [7:0] load_head, load_tile, load_slot, store_tile, read_operand, edge_operand;
  tag_t read_tag, edge_tag, p_tag, l_tag, score_tag, partial_tag, array_tag, out_tag;
  logic [15:0] west[R], north[C], v_line[C];
  logic [31:0] array_row[C], p_row[C], p_edge[R], out_row[C], out_stored[C], alpha, l;

  sequencer #(.R(R), .C(C), .D(D), .TQ(TQ), .TK(TK), .HEADS(HEADS), .KV_HEADS(KV_HEADS))
      sequencer_i (.*);
  buffers #(.R(R), .C(C), .D(D), .TQ(TQ), .TK(TK), .HEADS(HEADS), .KV_HEADS(KV_HEADS))
      buffers_i (.out_row(out_stored), .*);
  array #(.R(R), .C(C)) array_i (.out_tag(array_tag), .out_row(array_row), .*);
  softmax #(.R(R), .C(C), .M(TREE), .E(EXP), .S(TREE)) softmax_i (
      .last_visible(TK - TQ), .scale(softmax_scale), .score_row(array_row), .alpha_out(alpha),
      .l_out(l), .*);
  accumulator #(.R(R), .C(C), .D(D), .DIVIDE(DIVIDE)) accumulator_i (
      .partial_row(array_row), .alpha_tag(p_tag), .*);
  flash_abft #(.R(R), .C(C), .DIVIDE(DIVIDE)) checker_i (
      .alpha_tag(p_tag), .line(alarm_line), .*);

  always_comb begin
    score_tag = array_tag;
    score_tag.valid = array_tag.valid && !array_tag.values;
    partial_tag = array_tag;
    partial_tag.valid = array_tag.valid && array_tag.values;
    for (int j = 0; j < C; j++) out_stored[j] = stored(out_row[j], wide_o);
  end
endmodule
