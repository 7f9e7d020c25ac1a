// R × C output-stationary array with its drain registers, column buses and the double-buffered
// probabilities.
//
// Every register moves as models/systolic_array says, because operands, valid bits and the tag of
// the pass travel together: nothing here knows a cycle number. A line of q, k or v read in cycle
// s − 1, or of P read in s, stands in PE (0, 0) after the update of s; lane i comes i cycles later.
module array
  import float32::*;
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4
) (
    input logic clk,
    input logic reset,
    input fault_t fault,
    input logic wide_p,  // P is float32, else bfloat16 in the low half of a register
    // Edge operands of the cycle, before the skew. west: of S; P comes from the bank below.
    input tag_t edge_tag,
    input logic [7:0] edge_operand,
    input logic [15:0] west[R],
    input logic [15:0] north[C],
    // Probability rows from the softmax unit.
    input tag_t p_tag,
    input logic [31:0] p_row[C],
    // Column of P at the edge, before the skew.
    output logic [31:0] p_edge[R],
    // One row of a pass crosses the output link.
    output tag_t out_tag,
    output logic [31:0] out_row[C]
);
  logic [31:0] probability[2*R*C];

  logic [31:0] west_skew[R][R];
  tag_t west_skew_tag[R][R];
  logic [15:0] north_skew[C][C];
  logic north_skew_valid[C][C];

  logic [31:0] west_reg[R*C];
  logic [15:0] north_reg[R*C];
  tag_t west_tag[R*C];
  logic north_valid[R*C];
  logic [31:0] acc[R*C], drain[R*C];
  tag_t acc_tag[R*C], drain_tag[R*C];

  // Skew: row i and column j enter i and j cycles late.
  logic [31:0] west_edge[R], entering[R];
  tag_t entering_tag[R];
  logic [15:0] north_in[C];
  logic north_in_valid[C];
  always_comb begin
    for (int i = 0; i < R; i++) begin
      p_edge[i] = probability[(int'(edge_tag.bank)*R+i)*C+int'(edge_operand)];
      west_edge[i] = edge_tag.values ? p_edge[i] : 32'(west[i]);
      if (i == 0) begin
        entering[0] = west_edge[0];
        entering_tag[0] = edge_tag;
        entering_tag[0].row = 0;
        entering_tag[0].last_row = edge_tag.rows == 1;
      end else begin
        entering[i] = west_skew[i][i-1];
        entering_tag[i] = west_skew_tag[i][i-1];
      end
    end
    for (int j = 0; j < C; j++) begin
      north_in[j] = j == 0 ? north[0] : north_skew[j][j-1];
      north_in_valid[j] = j == 0 ? edge_tag.valid : north_skew_valid[j][j-1];
    end
  end

  always_ff @(posedge clk) begin
    for (int i = 1; i < R; i++) begin
      west_skew[i][0] <= west_edge[i];
      west_skew_tag[i][0] <= edge_tag;
      west_skew_tag[i][0].valid <= edge_tag.valid && i < int'(edge_tag.rows);
      west_skew_tag[i][0].row <= 8'(i);
      west_skew_tag[i][0].last_row <= int'(edge_tag.rows) == i + 1;
      for (int n = 1; n < R; n++) begin
        west_skew[i][n] <= west_skew[i][n-1];
        west_skew_tag[i][n] <= west_skew_tag[i][n-1];
      end
    end
    for (int j = 1; j < C; j++) begin
      north_skew[j][0] <= north[j];
      north_skew_valid[j][0] <= edge_tag.valid && j < int'(edge_tag.columns);
      for (int n = 1; n < C; n++) begin
        north_skew[j][n] <= north_skew[j][n-1];
        north_skew_valid[j][n] <= north_skew_valid[j][n-1];
      end
    end
    if (reset) begin
      for (int i = 0; i < R; i++) for (int n = 0; n < R; n++) west_skew_tag[i][n] <= '0;
      for (int j = 0; j < C; j++) for (int n = 0; n < C; n++) north_skew_valid[j][n] <= 1'b0;
    end
  end

  // The elements. Registers that nothing valid reaches hold.
  always_ff @(posedge clk) begin
    logic [15:0] north_next[R*C];
    logic [31:0] west_next[R*C], acc_next[R*C], drain_next[R*C];
    west_next = west_reg;
    north_next = north_reg;
    acc_next = acc;
    drain_next = drain;
    for (int i = 0; i < R; i++)
      for (int j = 0; j < C; j++) begin
        tag_t from_west;
        logic from_north;
        from_west = j == 0 ? entering_tag[i] : west_tag[i*C+j-1];
        from_north = i == 0 ? north_in_valid[j] : north_valid[(i-1)*C+j];
        west_tag[i*C+j] <= from_west;
        north_valid[i*C+j] <= from_north;
        if (from_west.valid) west_next[i*C+j] = j == 0 ? entering[i] : west_reg[i*C+j-1];
        if (from_north) north_next[i*C+j] = i == 0 ? north_in[j] : north_reg[(i-1)*C+j];

        acc_tag[i*C+j] <= west_tag[i*C+j];
        acc_tag[i*C+j].valid <= 1'b0;
        if (west_tag[i*C+j].valid && north_valid[i*C+j]) begin
          acc_next[i*C+j] = add(west_tag[i*C+j].first ? 32'd0 : acc[i*C+j],
                                mul(loaded(west_reg[i*C+j], west_tag[i*C+j].values && wide_p),
                                    from_bfloat16(north_reg[i*C+j])));
          acc_tag[i*C+j].valid <= west_tag[i*C+j].last;
        end
        drain_tag[i*C+j] <= acc_tag[i*C+j];
        if (acc_tag[i*C+j].valid) drain_next[i*C+j] = is_nan(acc[i*C+j]) ? NAN : acc[i*C+j];
      end
    case (fault.site)
      ARRAY_WEST: west_next[fault.index] = struck(west_next[fault.index], fault);
      ARRAY_NORTH: north_next[fault.index] = 16'(struck(32'(north_next[fault.index]), fault));
      ARRAY_ACC: acc_next[fault.index] = struck(acc_next[fault.index], fault);
      ARRAY_DRAIN: drain_next[fault.index] = struck(drain_next[fault.index], fault);
      default: ;
    endcase
    west_reg <= west_next;
    north_reg <= north_next;
    acc <= acc_next;
    drain <= drain_next;
    if (reset)
      for (int n = 0; n < R * C; n++) begin
        west_tag[n] <= '0;
        north_valid[n] <= 1'b0;
        acc_tag[n] <= '0;
        drain_tag[n] <= '0;
      end
  end

  // One value per column bus and cycle; the last column's needs no delay, the others wait for it.
  logic [31:0] bus[C];
  tag_t bus_tag[C];
  logic [31:0] deskew[C][C];
  tag_t deskew_tag[C][C];
  always_comb begin
    for (int j = 0; j < C; j++) begin
      bus[j] = 0;
      bus_tag[j] = '0;
      for (int i = 0; i < R; i++)
        if (drain_tag[i*C+j].valid) begin
          bus[j] = drain[i*C+j];
          bus_tag[j] = drain_tag[i*C+j];
        end
    end
    for (int j = 0; j < C; j++) out_row[j] = j == C - 1 ? bus[j] : deskew[j][C-2-j];
    out_tag = C == 1 ? bus_tag[0] : deskew_tag[0][C-2];
  end
  always_ff @(posedge clk) begin
    for (int j = 0; j < C - 1; j++) begin
      deskew[j][0] <= bus[j];
      deskew_tag[j][0] <= bus_tag[j];
      for (int n = 1; n < C - 1; n++) begin
        deskew[j][n] <= deskew[j][n-1];
        deskew_tag[j][n] <= deskew_tag[j][n-1];
      end
    end
    if (reset) for (int j = 0; j < C; j++) for (int n = 0; n < C; n++) deskew_tag[j][n] <= '0;
  end

  // A row of P is written as it crosses; unused lanes hold.
  always_ff @(posedge clk) begin
    logic [31:0] next[2*R*C];
    next = probability;
    if (p_tag.valid)
      for (int j = 0; j < C; j++)
        if (j < int'(p_tag.keys))
          next[(int'(p_tag.bank)*R+int'(p_tag.row))*C+j]
              = crossing(SOFTMAX_TO_ARRAY, j, p_row[j], fault);
    if (fault.site == ARRAY_PROBABILITY) next[fault.index] = struck(next[fault.index], fault);
    probability <= next;
  end
endmodule
