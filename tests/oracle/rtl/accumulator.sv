// R × D running outputs of a query tile, rescaled and added a row of a pass per cycle, then
// normalised slice by slice of C columns.
module accumulator
  import float32::*;
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4,
    parameter int D = 6,
    parameter int DIVIDE = 8
) (
    input logic clk,
    input logic reset,
    input fault_t fault,
    input tag_t partial_tag,
    input logic [31:0] partial_row[C],
    input tag_t alpha_tag,
    input logic [31:0] alpha,
    input tag_t l_tag,
    input logic [31:0] l,
    // A slice of a row crosses to the o buffer.
    output tag_t out_tag,  // pass = slice
    output logic [31:0] out_row[C]
);
  localparam int SLICES = (D + C - 1) / C;

  logic [31:0] row_alpha[2*R], row_l[2*R];  // [row][bank]
  logic [31:0] partial[C], acc[R*D], reciprocal[R], normalised[C];

  tag_t partial_held;
  // The tile is summed; its last l is there, seen a cycle after it arrived.
  logic summed, l_there[2], l_seen[2];
  tag_t summed_tag;

  // Normalisation: one row per SLICES cycles, then DIVIDE cycles for the reciprocal.
  logic running;
  logic [15:0] step;  // cycles since l of row 0 was read
  tag_t tile;
  logic start;
  assign start = summed && l_seen[summed_tag.half];
  logic [15:0] now;
  tag_t now_tile;
  logic active;
  logic [31:0] divided, divide_pipe[DIVIDE];
  tag_t divide_tag[DIVIDE], reading, output_tag;
  always_comb begin
    active = running || start;
    now = start ? 0 : step;
    now_tile = start ? summed_tag : tile;
    reading = now_tile;
    reading.valid = active && int'(now) % SLICES == 0 && int'(now) / SLICES < int'(now_tile.rows);
    reading.row = 8'(int'(now) / SLICES);
    reading.last_row = int'(now) / SLICES + 1 == int'(now_tile.rows);
    divided = reading.valid ? div(32'h3f800000, row_l[int'(reading.row)*2+int'(reading.half)]) : 0;
  end

  // Slices of a row: SLICES cycles from the one in which its reciprocal is first read.
  tag_t slicing;
  logic [7:0] slice;
  always_ff @(posedge clk) begin
    logic [31:0] alpha_next[2*R], l_next[2*R], partial_next[C], acc_next[R*D], reciprocal_next[R],
        normalised_next[C];
    alpha_next = row_alpha;
    l_next = row_l;
    partial_next = partial;
    acc_next = acc;
    reciprocal_next = reciprocal;
    normalised_next = normalised;

    if (alpha_tag.valid) 
      alpha_next[int'(alpha_tag.row)*2+int'(alpha_tag.bank)]
          = crossing(SOFTMAX_TO_ACCUMULATOR, 0, alpha, fault);
    if (l_tag.valid) 
      l_next[int'(l_tag.row)*2+int'(l_tag.half)] = crossing(SOFTMAX_TO_ACCUMULATOR, 1, l, fault);

    if (partial_tag.valid)
      for (int j = 0; j < C; j++)
        if (j < int'(partial_tag.columns))
          partial_next[j] = crossing(ARRAY_TO_ACCUMULATOR, j, partial_row[j], fault);
    partial_held <= partial_tag;
    if (partial_held.valid)
      for (int j = 0; j < C; j++)
        if (j < int'(partial_held.columns)) begin
          int at;
          at = int'(partial_held.row) * D + int'(partial_held.pass) * C + j;
          acc_next[at] = add(mul(partial_held.first_tile ? 32'd0 : acc[at],
                                 row_alpha[int'(partial_held.row)*2+int'(partial_held.bank)]),
                             partial[j]);
        end
    if (partial_held.valid && partial_held.last_tile && partial_held.last_pass &&
        partial_held.last_row) begin
      summed <= 1'b1;
      summed_tag <= partial_held;
    end
    for (int h = 0; h < 2; h++) begin
      if (l_tag.valid && l_tag.last_row && int'(l_tag.half) == h) l_there[h] <= 1'b1;
      l_seen[h] <= l_there[h];
    end
    if (start) begin
      summed <= 1'b0;
      l_there[summed_tag.half] <= 1'b0;
      l_seen[summed_tag.half] <= 1'b0;
      tile <= summed_tag;
    end
    running <= active && int'(now) + 1 < SLICES * int'(now_tile.rows);
    step <= now + 1;

    divide_pipe[0] <= divided;
    divide_tag[0] <= reading;
    for (int n = 1; n < DIVIDE; n++) begin
      divide_pipe[n] <= divide_pipe[n-1];
      divide_tag[n] <= divide_tag[n-1];
    end
    if (divide_tag[DIVIDE-1].valid)
      reciprocal_next[divide_tag[DIVIDE-1].row] = divide_pipe[DIVIDE-1];

    if (divide_tag[DIVIDE-1].valid) begin
      slicing <= divide_tag[DIVIDE-1];
      slice <= 0;
    end else begin
      slice <= slice + 1;
      if (int'(slice) + 1 == SLICES) slicing.valid <= 1'b0;
    end
    output_tag <= slicing;
    output_tag.pass <= slice;
    output_tag.last_pass <= int'(slice) + 1 == SLICES;
    output_tag.columns <= 8'(int'(slice) + 1 == SLICES ? D - (SLICES - 1) * C : C);
    if (slicing.valid)
      for (int j = 0; j < C; j++)
        if (int'(slice) * C + j < D)
          normalised_next[j] = mul(acc[int'(slicing.row)*D+int'(slice)*C+j],
                                   reciprocal[slicing.row]);

    case (fault.site)
      ACCUMULATOR_ALPHA: alpha_next[fault.index] = struck(alpha_next[fault.index], fault);
      ACCUMULATOR_SUM: l_next[fault.index] = struck(l_next[fault.index], fault);
      ACCUMULATOR_PARTIAL: partial_next[fault.index] = struck(partial_next[fault.index], fault);
      ACCUMULATOR_ACC: acc_next[fault.index] = struck(acc_next[fault.index], fault);
      ACCUMULATOR_RECIPROCAL:
        reciprocal_next[fault.index] = struck(reciprocal_next[fault.index], fault);
      ACCUMULATOR_OUTPUT:
        normalised_next[fault.index] = struck(normalised_next[fault.index], fault);
      default: ;
    endcase
    row_alpha <= alpha_next;
    row_l <= l_next;
    partial <= partial_next;
    acc <= acc_next;
    reciprocal <= reciprocal_next;
    normalised <= normalised_next;

    if (reset) begin
      partial_held <= '0;
      summed <= 1'b0;
      running <= 1'b0;
      slicing <= '0;
      output_tag <= '0;
      for (int h = 0; h < 2; h++) begin
        l_there[h] <= 1'b0;
        l_seen[h] <= 1'b0;
      end
      for (int n = 0; n < DIVIDE; n++) divide_tag[n] <= '0;
    end
  end

  assign out_tag = output_tag;
  assign out_row = normalised;
endmodule
