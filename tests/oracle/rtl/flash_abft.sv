// The checker `flash_abft` with its default options: row sums from the V stream, alpha and l shared
// with the datapath, a division of its own, one comparison per query row before rounding, float32,
// threshold 2^−17 of the scale. Formulas and cycles: docs/checkers.md.
module flash_abft
  import float32::*;
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4,
    parameter int DIVIDE = 8
) (
    input logic clk,
    input logic reset,
    input fault_t fault,
    input logic wide_p,
    // V and a column of P at the edges of the array, before the skew.
    input tag_t edge_tag,
    input logic [7:0] edge_operand,
    input logic [15:0] v_line[C],
    input logic [31:0] p_edge[R],
    input tag_t alpha_tag,
    input logic [31:0] alpha,
    input tag_t l_tag,
    input logic [31:0] l,
    input tag_t out_tag,
    input logic [31:0] out_row[C],
    // A comparison whose alarm is set in this cycle.
    output logic checked,
    output logic [31:0] head, query_row,
    output logic [31:0] left, right, residual, scale,
    output logic alarmed,
    output logic line  // line.alarm.<name>
);
  localparam int TREE = 1 + $clog2(C);
  localparam int LATENCY = (TREE > DIVIDE ? TREE : DIVIDE) + 1;

  logic [31:0] row_sum[C], row_weight[C];
  logic [31:0] sum[R], weight[R];
  logic [31:0] row_alpha[2*R], denominator[2*R];  // [row][bank], [row][half]

  // The checksum column: row i multiplies key j one cycle after its neighbour above.
  tag_t p_tag[R];
  logic [31:0] p[R][R];  // [i][n]: P of row i n + 1 cycles after it stood at the edge
  logic [7:0] p_key;  // of row 0
  logic [31:0] r_down[R], w_down[R];  // row sums on their way down
  logic [31:0] dot[R], dot_weight[R];
  tag_t dot_tag[R];  // valid: the row's product of the tile is complete

  // Output row under comparison: the sum of the slices that have crossed.
  logic [31:0] partial;

  typedef struct packed {
    logic valid;
    logic [31:0] head, query_row, left, right, residual, scale;
    logic alarm;
  } check_t;
  check_t pipe[LATENCY];

  // |residual| ≤ 2^−17 · scale, exactly.
  function automatic logic tolerated(input logic [31:0] difference, input logic [31:0] limit);
    int distance;
    logic [63:0] a, b;
    a = 64'(significand(difference));
    b = 64'(significand(limit));
    if (limit[31] && b != 0) return 1'b0;
    if (a == 0) return 1'b1;
    distance = exponent(difference) + 17 - exponent(limit);
    if (distance > 30) return 1'b0;
    if (distance < -30) return b != 0;
    return distance >= 0 ? (a << distance) <= b : a <= (b << -distance);
  endfunction

  logic line_driven, line_next;
  logic [31:0] total, l_held;
  check_t check;
  always_comb begin
    l_held = denominator[int'(out_tag.row)*2+int'(out_tag.half)];
    total = int'(out_tag.pass) == 0 ? 32'd0 : partial;
    check = '0;
    if (out_tag.valid) begin
      for (int j = 0; j < C; j++)
        if (j < int'(out_tag.columns))  // the beat has acc, output and reciprocal side by side
          total = add(total, crossing(ACCUMULATOR_TO_CHECKSUM, int'(out_tag.columns) + j,
                                      out_row[j], fault));
      if (out_tag.last_pass) begin
        check.valid = 1'b1;
        check.head = 32'(out_tag.head);
        check.query_row = 32'(out_tag.query_tile) * R + 32'(out_tag.row);
        check.left = total;
        check.right = div(sum[out_tag.row], l_held);
        check.scale = div(weight[out_tag.row], magnitude(l_held));
        check.residual = magnitude(sub(check.left, check.right));
        check.alarm = !(is_finite(check.residual) && is_finite(check.scale)
                        && tolerated(check.residual, check.scale));
      end
    end
  end

  always_ff @(posedge clk) begin
    logic [31:0] row_sum_next[C], row_weight_next[C], sum_next[R], weight_next[R],
        alpha_next[2*R], denominator_next[2*R];
    row_sum_next = row_sum;
    row_weight_next = row_weight;
    sum_next = sum;
    weight_next = weight;
    alpha_next = row_alpha;
    denominator_next = denominator;

    // A slice of V row j is added as it enters the array.
    if (edge_tag.valid && edge_tag.values) begin
      logic [31:0] s, w;
      s = edge_tag.pass == 0 ? 32'd0 : row_sum[edge_operand];
      w = edge_tag.pass == 0 ? 32'd0 : row_weight[edge_operand];
      for (int c = 0; c < C; c++)
        if (c < int'(edge_tag.columns)) begin
          s = add(s, from_bfloat16(v_line[c]));
          w = add(w, magnitude(from_bfloat16(v_line[c])));
        end
      row_sum_next[edge_operand] = s;
      row_weight_next[edge_operand] = w;
    end

    if (alpha_tag.valid) 
      alpha_next[int'(alpha_tag.row)*2+int'(alpha_tag.bank)]
          = crossing(SOFTMAX_TO_CHECKSUM, 0, alpha, fault);
    if (l_tag.valid) 
      denominator_next[int'(l_tag.row)*2+int'(l_tag.half)]
          = crossing(SOFTMAX_TO_CHECKSUM, 1, l, fault);

    p_key <= edge_operand;
    for (int i = 0; i < R; i++) begin
      logic [31:0] r, w;
      r = i == 0 ? row_sum[p_key] : r_down[i];
      w = i == 0 ? row_weight[p_key] : w_down[i];
      if (i + 1 < R) begin
        r_down[i+1] <= r;
        w_down[i+1] <= w;
      end
      p[i][0] <= crossing(ARRAY_TO_CHECKSUM, C + i, loaded(p_edge[i], wide_p), fault);
      for (int n = 1; n < R; n++) p[i][n] <= p[i][n-1];
      if (i == 0) begin
        p_tag[0] <= edge_tag;
        p_tag[0].valid <= edge_tag.valid && edge_tag.values && edge_tag.last_pass;
      end else begin
        p_tag[i] <= p_tag[i-1];
      end
      dot_tag[i] <= p_tag[i];
      dot_tag[i].valid <= p_tag[i].valid && p_tag[i].last && i < int'(p_tag[i].rows);
      if (p_tag[i].valid) begin
        dot[i] <= add(p_tag[i].first ? 32'd0 : dot[i], mul(p[i][i], r));
        dot_weight[i] <= add(p_tag[i].first ? 32'd0 : dot_weight[i], mul(p[i][i], w));
      end
      if (dot_tag[i].valid) begin
        logic [31:0] by;
        by = row_alpha[i*2+int'(dot_tag[i].bank)];
        sum_next[i] = add(mul(dot_tag[i].first_tile ? 32'd0 : sum[i], by), dot[i]);
        weight_next[i] = add(mul(dot_tag[i].first_tile ? 32'd0 : weight[i], by), dot_weight[i]);
      end
    end

    if (out_tag.valid) partial <= total;
    pipe[0] <= check;
    for (int n = 1; n < LATENCY; n++) pipe[n] <= pipe[n-1];

    case (fault.site)
      CHECKSUM_ROW_SUM: row_sum_next[fault.index] = struck(row_sum_next[fault.index], fault);
      CHECKSUM_ROW_WEIGHT:
        row_weight_next[fault.index] = struck(row_weight_next[fault.index], fault);
      CHECKSUM_SUM: sum_next[fault.index] = struck(sum_next[fault.index], fault);
      CHECKSUM_WEIGHT: weight_next[fault.index] = struck(weight_next[fault.index], fault);
      CHECKSUM_ALPHA: alpha_next[fault.index] = struck(alpha_next[fault.index], fault);
      CHECKSUM_DENOMINATOR:
        denominator_next[fault.index] = struck(denominator_next[fault.index], fault);
      default: ;
    endcase
    row_sum <= row_sum_next;
    row_weight <= row_weight_next;
    sum <= sum_next;
    weight <= weight_next;
    row_alpha <= alpha_next;
    denominator <= denominator_next;
    // A flip stays until the line is driven; what is forced shows only while it is.
    line_next = line_driven || alarmed;
    if (fault.site == ALARM_LINE && fault.effect == FLIP) line_next = !line_next;
    line_driven <= line_next && !reset;
    line <= line_next && !reset;
    if (fault.site == ALARM_LINE && fault.effect != FLIP)
      line <= 1'(struck(32'(line_next), fault));

    if (reset) begin
      for (int i = 0; i < R; i++) begin
        p_tag[i] <= '0;
        dot_tag[i] <= '0;
      end
      for (int n = 0; n < LATENCY; n++) pipe[n] <= '0;
    end
  end

  assign checked = pipe[LATENCY-1].valid;
  assign head = pipe[LATENCY-1].head;
  assign query_row = pipe[LATENCY-1].query_row;
  assign left = pipe[LATENCY-1].left;
  assign right = pipe[LATENCY-1].right;
  assign residual = pipe[LATENCY-1].residual;
  assign scale = pipe[LATENCY-1].scale;
  assign alarmed = pipe[LATENCY-1].valid && pipe[LATENCY-1].alarm;
endmodule
