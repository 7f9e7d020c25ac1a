// Online softmax in base 2, a row per cycle. A row that crosses in cycle a: score register a,
// running maximum a + M, alpha and probabilities a + M + E, running sum a + M + E + S.
module softmax
  import float32::*;
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4,
    parameter int M = 3,
    parameter int E = 6,
    parameter int S = 3
) (
    input logic clk,
    input logic reset,
    input fault_t fault,
    input logic causal,
    input logic chords,  // 2^x by chords, else by the polynomial
    input logic wide_p,  // P is float32, else bfloat16
    input int last_visible,  // key that query 0 sees last
    input logic [31:0] scale,  // softmax scale · log2(e)
    input tag_t score_tag,
    input logic [31:0] score_row[C],
    // Alpha and probabilities cross together, l of the last key tile later.
    output tag_t p_tag,
    output logic [31:0] p_row[C],
    output logic [31:0] alpha_out,
    output tag_t l_tag,
    output logic [31:0] l_out
);
  typedef struct packed {
    tag_t tag;
    logic [C-1:0] visible;
    logic [C-1:0][31:0] x;
    logic [31:0] max_old;
  } row_t;

  logic [31:0] score[C];
  logic [31:0] probability[C];
  logic [31:0] row_max[R], row_alpha[R], row_sum[R];

  // Scores to maximum.
  row_t tree[M];  // tree[n]: n + 1 cycles after the score register
  tag_t score_held;
  row_t scaled;
  always_comb begin
    scaled = '0;
    scaled.tag = score_held;
    for (int j = 0; j < C; j++) begin
      scaled.visible[j] = j < int'(score_held.keys) && (!causal ||
          int'(score_held.key_tile) * C + j
              <= int'(score_held.query_tile) * R + int'(score_held.row) + last_visible);
      if (score_held.valid) scaled.x[j] = mul(score[j], scale);
    end
  end
  row_t at_max;  // the row whose maximum is updated in this cycle
  assign at_max = M == 1 ? scaled : tree[M-2];
  logic [31:0] max_new;
  row_t compared;
  always_comb begin
    max_new = at_max.tag.first_tile ? 32'hff800000 : row_max[at_max.tag.row];
    compared = at_max;
    compared.max_old = max_new;
    for (int j = 0; j < C; j++)
      if (at_max.visible[j] && greater(at_max.x[j], max_new)) max_new = at_max.x[j];
  end

  // Exponentials: the maximum is read back from its register.
  typedef struct packed {
    tag_t tag;
    logic [C-1:0][31:0] p;
    logic [31:0] alpha;
  } exp_t;
  row_t at_exp;
  exp_t exponential, pipe[E], at_alpha;
  always_comb begin
    exponential = '0;
    exponential.tag = at_exp.tag;
    if (at_exp.tag.valid) begin
      if (!at_exp.tag.first_tile)
        exponential.alpha = exp2(sub(at_exp.max_old, row_max[at_exp.tag.row]), chords);
      for (int j = 0; j < C; j++)
        if (at_exp.visible[j])
          exponential.p[j] = stored(exp2(sub(at_exp.x[j], row_max[at_exp.tag.row]), chords),
                                    wide_p);
    end
    at_alpha = E == 1 ? exponential : pipe[E-2];
  end

  // Sum.
  typedef struct packed {
    tag_t tag;
    logic [31:0] alpha, total;
  } sum_t;
  tag_t alpha_tag, sum_tag;
  sum_t added, adder[S], at_sum;
  always_comb begin
    added = '0;
    added.tag = alpha_tag;
    if (alpha_tag.valid) begin
      added.alpha = row_alpha[alpha_tag.row];
      for (int j = 0; j < C; j++)
        if (j < int'(alpha_tag.keys))
          added.total = add(added.total, loaded(probability[j], wide_p));
    end
    at_sum = S == 1 ? added : adder[S-2];
  end

  always_ff @(posedge clk) begin
    logic [31:0] score_next[C];
    logic [31:0] probability_next[C];
    logic [31:0] max_next[R], alpha_next[R], sum_next[R];
    score_next = score;
    probability_next = probability;
    max_next = row_max;
    alpha_next = row_alpha;
    sum_next = row_sum;

    if (score_tag.valid)
      for (int j = 0; j < C; j++) 
        if (j < int'(score_tag.keys))
          score_next[j] = crossing(ARRAY_TO_SOFTMAX, j, score_row[j], fault);
    score_held <= score_tag;
    tree[0] <= scaled;
    for (int n = 1; n < M; n++) tree[n] <= tree[n-1];

    if (at_max.tag.valid) max_next[at_max.tag.row] = max_new;
    at_exp <= compared;

    pipe[0] <= exponential;
    for (int n = 1; n < E; n++) pipe[n] <= pipe[n-1];
    if (at_alpha.tag.valid) begin
      alpha_next[at_alpha.tag.row] = at_alpha.alpha;
      for (int j = 0; j < C; j++)
        if (j < int'(at_alpha.tag.keys)) probability_next[j] = at_alpha.p[j];
    end
    alpha_tag <= at_alpha.tag;

    adder[0] <= added;
    for (int n = 1; n < S; n++) adder[n] <= adder[n-1];
    if (at_sum.tag.valid)
      sum_next[at_sum.tag.row] = add(mul(at_sum.tag.first_tile ? 32'd0 : row_sum[at_sum.tag.row],
                                         at_sum.alpha), at_sum.total);
    sum_tag <= at_sum.tag;

    case (fault.site)
      SOFTMAX_SCORE: score_next[fault.index] = struck(score_next[fault.index], fault);
      SOFTMAX_MAX: max_next[fault.index] = struck(max_next[fault.index], fault);
      SOFTMAX_ALPHA: alpha_next[fault.index] = struck(alpha_next[fault.index], fault);
      SOFTMAX_PROBABILITY:
        probability_next[fault.index] = struck(probability_next[fault.index], fault);
      SOFTMAX_SUM: sum_next[fault.index] = struck(sum_next[fault.index], fault);
      default: ;
    endcase
    score <= score_next;
    probability <= probability_next;
    row_max <= max_next;
    row_alpha <= alpha_next;
    row_sum <= sum_next;

    if (reset) begin
      score_held <= '0;
      at_exp <= '0;
      alpha_tag <= '0;
      sum_tag <= '0;
      for (int n = 0; n < M; n++) tree[n] <= '0;
      for (int n = 0; n < E; n++) pipe[n] <= '0;
      for (int n = 0; n < S; n++) adder[n] <= '0;
    end
  end

  assign p_tag = alpha_tag;
  assign p_row = probability;
  assign alpha_out = row_alpha[alpha_tag.row];
  always_comb begin
    l_tag = sum_tag;
    l_tag.valid = sum_tag.valid && sum_tag.last_tile;
    l_out = row_sum[sum_tag.row];
  end
endmodule
