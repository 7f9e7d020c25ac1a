// External memory, the data path of the dma and the q, k, v and o buffers. A line crosses to a buffer
// in one cycle and stands there after the update of the next; what is read in a cycle is at the
// array's edge, or at external memory, in the next.
module buffers
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4,
    parameter int D = 6,
    parameter int TQ = 7,
    parameter int TK = 10
) (
    input logic clk,
    input flip_t flip,
    // Tensors, written by the testbench before the run: [token][d].
    input logic poke,
    input logic [1:0] poke_tensor,  // 0 q, 1 k, 2 v
    input logic [15:0] poke_index,
    input logic [15:0] poke_value,
    input logic load_line,
    input logic [1:0] load_buffer,
    input logic [15:0] load_number,
    input logic [7:0] load_tile,
    input tag_t read_tag,
    input logic [7:0] read_operand,
    output tag_t edge_tag,
    output logic [7:0] edge_operand,
    output logic [15:0] west[R],
    output logic [15:0] north[C],
    input tag_t out_tag,
    input logic [15:0] out_row[C],
    output logic output_written,
    input logic store_line,
    input logic [15:0] store_number,
    input logic [7:0] store_tile,
    // A word of the result reaches external memory: [token][d].
    output logic committed[C],
    output logic [15:0] commit_index[C],
    output logic [15:0] commit_value[C]
);
  localparam int KEY_TILES = (TK + C - 1) / C;
  localparam int PASSES = (D + C - 1) / C;
  localparam int Q_WORDS = 2 * D * R;
  localparam int K_WORDS = 2 * KEY_TILES * D * C;
  localparam int V_WORDS = 2 * KEY_TILES * PASSES * C * C;
  localparam int O_WORDS = 2 * PASSES * C * R;

  logic [15:0] q_tensor[TQ*D], k_tensor[TK*D], v_tensor[TK*D];
  logic [15:0] q_word[Q_WORDS], k_word[K_WORDS], v_word[V_WORDS], o_word[O_WORDS];

  function automatic int keys_of(input int key_tile);
    return TK - key_tile * C < C ? TK - key_tile * C : C;
  endfunction
  function automatic int rows_of(input int query_tile);
    return TQ - query_tile * R < R ? TQ - query_tile * R : R;
  endfunction

  // On their way: a line of the dma, a slice of the accumulator.
  logic load_held;
  logic [1:0] held_buffer;
  logic [15:0] held_address;
  logic [15:0] held_line[R > C ? R : C];
  tag_t out_held;
  logic [15:0] out_line[C];
  logic store_held;
  logic [15:0] store_row, store_column;
  logic [15:0] store_words[C];

  always_ff @(posedge clk) begin
    if (poke)
      case (poke_tensor)
        0: q_tensor[poke_index] <= poke_value;
        1: k_tensor[poke_index] <= poke_value;
        default: v_tensor[poke_index] <= poke_value;
      endcase

    // A line of the tensors crosses. Words behind the last token, or behind d, are zero.
    load_held <= load_line;
    held_buffer <= load_buffer;
    for (int n = 0; n < (R > C ? R : C); n++) held_line[n] <= 0;
    case (load_buffer)
      0: begin  // line k: element k of every query of the tile
        held_address <= 16'((int'(load_tile) % 2) * (Q_WORDS / 2) + int'(load_number) * R);
        for (int i = 0; i < R; i++)
          if (i < rows_of(int'(load_tile)))
            held_line[i] <= q_tensor[(int'(load_tile)*R+i)*D+int'(load_number)];
      end
      1: begin  // line k: element k of every key of the tile
        held_address <= 16'((int'(load_tile) * D + int'(load_number)) * C);
        for (int j = 0; j < C; j++)
          if (j < keys_of(int'(load_tile)))
            held_line[j] <= k_tensor[(int'(load_tile)*C+j)*D+int'(load_number)];
      end
      default: begin  // line (p, j): columns pC … of key j
        int keys, key, pass;
        keys = keys_of(int'(load_tile));
        key = int'(load_number) % keys;
        pass = int'(load_number) / keys;
        held_address <= 16'((int'(load_tile) * PASSES * C + int'(load_number)) * C);
        for (int c = 0; c < C; c++)
          if (pass * C + c < D)
            held_line[c] <= v_tensor[(int'(load_tile)*C+key)*D+pass*C+c];
      end
    endcase
    // The array reads.
    edge_tag <= read_tag;
    edge_operand <= read_operand;
    for (int i = 0; i < R; i++)
      west[i] <= q_word[int'(read_tag.half)*(Q_WORDS/2)+int'(read_operand)*R+i];
    for (int j = 0; j < C; j++)
      north[j] <= read_tag.values
          ? v_word[(int'(read_tag.key_tile)*PASSES*C+int'(read_tag.pass)*int'(read_tag.keys)+int'(read_operand))*C+j]
          : k_word[(int'(read_tag.key_tile)*D+int'(read_operand))*C+j];

    // Output: [slice][row] lines.
    out_held <= out_tag;
    out_line <= out_row;
    store_held <= store_line;
    store_row <= 16'(int'(store_tile) * R + int'(store_number) % rows_of(int'(store_tile)));
    store_column <= 16'(int'(store_number) / rows_of(int'(store_tile)) * C);
    for (int j = 0; j < C; j++)
      store_words[j] <= o_word[(int'(store_tile)%2)*(O_WORDS/2)+int'(store_number)*C+j];

    // Within a cycle: reads, which stand above, then writes, then flips.
    if (load_held)
      case (held_buffer)
        0: for (int i = 0; i < R; i++) q_word[int'(held_address)+i] = held_line[i];
        1: for (int j = 0; j < C; j++) k_word[int'(held_address)+j] = held_line[j];
        default: for (int c = 0; c < C; c++) v_word[int'(held_address)+c] = held_line[c];
      endcase
    if (out_held.valid)
      for (int j = 0; j < C; j++)
        o_word[int'(out_held.half)*(O_WORDS/2)+(int'(out_held.pass)*int'(out_held.rows)+int'(out_held.row))*C+j]
            = j < int'(out_held.columns) ? out_line[j] : 16'd0;
    case (flip.site)
      Q_WORD: q_word[flip.index] ^= flip.mask[15:0];
      K_WORD: k_word[flip.index] ^= flip.mask[15:0];
      V_WORD: v_word[flip.index] ^= flip.mask[15:0];
      O_WORD: o_word[flip.index] ^= flip.mask[15:0];
      default: ;
    endcase
  end

  assign output_written = out_held.valid && out_held.last_pass && out_held.last_row;
  always_comb
    for (int j = 0; j < C; j++) begin
      committed[j] = store_held && int'(store_column) + j < D;
      commit_index[j] = 16'(int'(store_row) * D + int'(store_column) + j);
      commit_value[j] = store_words[j];
    end
endmodule
