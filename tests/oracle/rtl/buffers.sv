// External memory, the data path of the dma and the q, k, v and o buffers. A line crosses to a
// buffer in one cycle and stands there after the update of the next; what is read in a cycle is at
// the array's edge, or at external memory, in the next.
module buffers
  import types::*;
#(
    parameter int R = 3,
    parameter int C = 4,
    parameter int D = 6,
    parameter int TQ = 7,
    parameter int TK = 10,
    parameter int HEADS = 1,
    parameter int KV_HEADS = 1
) (
    input logic clk,
    input fault_t fault,
    input logic streamed,  // a half of K or V holds one tile, else all of a head
    // Tensors, written by the testbench before the run: [head][token][d].
    input logic poke,
    input logic [1:0] poke_tensor,  // 0 q, 1 k, 2 v
    input logic [15:0] poke_index,
    input logic [15:0] poke_value,
    input logic load_line,
    input logic [1:0] load_buffer,
    input logic [15:0] load_number,
    input logic [7:0] load_head,
    input logic [7:0] load_tile,
    input logic load_half,
    input logic [7:0] load_slot,
    input tag_t read_tag,
    input logic [7:0] read_operand,
    output tag_t edge_tag,
    output logic [7:0] edge_operand,
    output logic [15:0] west[R],
    output logic [15:0] north[C],
    output logic [15:0] v_line[C],  // the same line of V on its way to the checker
    input tag_t out_tag,
    input logic [31:0] out_row[C],
    output logic output_written,
    input logic store_line,
    input logic [15:0] store_number,
    input logic [7:0] store_tile,
    // A word of the result reaches external memory: [head][token][d].
    output logic committed[C],
    output logic [15:0] commit_index[C],
    output logic [31:0] commit_value[C]
);
  localparam int KEY_TILES = (TK + C - 1) / C;
  localparam int QUERY_TILES = (TQ + R - 1) / R;
  localparam int PASSES = (D + C - 1) / C;
  localparam int Q_WORDS = 2 * D * R;
  localparam int K_WORDS = 2 * KEY_TILES * D * C;
  localparam int V_WORDS = 2 * KEY_TILES * PASSES * C * C;
  localparam int O_WORDS = 2 * PASSES * C * R;

  logic [15:0] q_tensor[HEADS*TQ*D], k_tensor[KV_HEADS*TK*D], v_tensor[KV_HEADS*TK*D];
  logic [15:0] q_word[Q_WORDS], k_word[K_WORDS], v_word[V_WORDS];
  logic [31:0] o_word[O_WORDS];  // an element: one word, or two where the output is float32

  function automatic int keys_of(input int key_tile);
    return TK - key_tile * C < C ? TK - key_tile * C : C;
  endfunction
  // First word of a tile.
  function automatic int k_base(input logic half, input logic [7:0] slot);
    return (int'(half) * (streamed ? 1 : KEY_TILES) + int'(slot)) * D * C;
  endfunction
  function automatic int v_base(input logic half, input logic [7:0] slot);
    return (int'(half) * (streamed ? 1 : KEY_TILES) + int'(slot)) * PASSES * C * C;
  endfunction
  function automatic int rows_of(input int query_tile);
    return TQ - query_tile * R < R ? TQ - query_tile * R : R;
  endfunction

  function automatic logic [15:0] crossing16(input site_t link, input int lane,
                                             input logic [15:0] value);
    return 16'(crossing(link, lane, 32'(value), fault));
  endfunction
  // A word from external memory through the dma to its buffer, in one cycle.
  function automatic logic [15:0] fetched(input site_t link, input int lane,
                                          input logic [15:0] value);
    return crossing16(link, lane, crossing16(MEMORY_TO_DMA, lane, value));
  endfunction

  // On their way: a line of the dma, a slice of the accumulator.
  logic load_held;
  logic [1:0] held_buffer;
  logic [15:0] held_address;
  logic [15:0] held_line[R > C ? R : C];
  tag_t out_held;
  logic [31:0] out_line[C];
  logic store_held;
  logic [15:0] store_row, store_column;
  logic [31:0] store_words[C];

  always_ff @(posedge clk) begin
    int k_line_at, v_line_at, o_line_at, store_rows;

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
        held_address <= 16'(int'(load_half) * (Q_WORDS / 2) + int'(load_number) * R);
        for (int i = 0; i < R; i++)
          if (i < rows_of(int'(load_tile)))
            held_line[i] <= fetched(
                DMA_TO_Q, i,
                q_tensor[(int'(load_head)*TQ+int'(load_tile)*R+i)*D+int'(load_number)]);
      end
      1: begin  // line k: element k of every key of the tile
        held_address <= 16'(k_base(load_half, load_slot) + int'(load_number) * C);
        for (int j = 0; j < C; j++)
          if (j < keys_of(int'(load_tile)))
            held_line[j] <= fetched(
                DMA_TO_K, j,
                k_tensor[(int'(load_head)*TK+int'(load_tile)*C+j)*D+int'(load_number)]);
      end
      default: begin  // line (p, j): columns pC … of key j
        int keys, key, pass;
        keys = keys_of(int'(load_tile));
        key = int'(load_number) % keys;
        pass = int'(load_number) / keys;
        held_address <= 16'(v_base(load_half, load_slot) + int'(load_number) * C);
        for (int c = 0; c < C; c++)
          if (pass * C + c < D)
            held_line[c] <= fetched(
                DMA_TO_V, c,
                v_tensor[(int'(load_head)*TK+int'(load_tile)*C+key)*D+pass*C+c]);
      end
    endcase
    // The array reads.
    edge_tag <= read_tag;
    edge_operand <= read_operand;
    for (int i = 0; i < R; i++)
      west[i] <= crossing16(Q_TO_ARRAY, i,
                            q_word[int'(read_tag.half)*(Q_WORDS/2)+int'(read_operand)*R+i]);
    v_line_at = v_base(read_tag.operand_half, read_tag.operand_slot)
        + (int'(read_tag.pass) * int'(read_tag.keys) + int'(read_operand)) * C;
    k_line_at = k_base(read_tag.operand_half, read_tag.operand_slot) + int'(read_operand) * C;
    for (int j = 0; j < C; j++) begin
      north[j] <= read_tag.values
          ? crossing16(V_TO_ARRAY, j, v_word[v_line_at+j])
          : crossing16(K_TO_ARRAY, j, k_word[k_line_at+j]);
      v_line[j] <= crossing16(V_TO_CHECKSUM, C + j, v_word[v_line_at+j]);
    end

    // Output: [slice][row] lines.
    out_held <= out_tag;
    for (int j = 0; j < C; j++) out_line[j] <= crossing(ACCUMULATOR_TO_O, j, out_row[j], fault);
    store_held <= store_line;
    store_rows = rows_of(int'(store_tile) % QUERY_TILES);
    store_row <= 16'(int'(store_tile) / QUERY_TILES * TQ + int'(store_tile) % QUERY_TILES * R
                     + int'(store_number) % store_rows);
    store_column <= 16'(int'(store_number) / store_rows * C);
    for (int j = 0; j < C; j++)
      store_words[j] <= crossing(O_TO_DMA, j,
          o_word[(int'(store_tile)%2)*(O_WORDS/2)+int'(store_number)*C+j], fault);

    // Within a cycle: reads, which stand above, then writes, then flips.
    if (load_held)
      case (held_buffer)
        0: for (int i = 0; i < R; i++) q_word[int'(held_address)+i] = held_line[i];
        1: for (int j = 0; j < C; j++) k_word[int'(held_address)+j] = held_line[j];
        default: for (int c = 0; c < C; c++) v_word[int'(held_address)+c] = held_line[c];
      endcase
    o_line_at = int'(out_held.half) * (O_WORDS / 2)
        + (int'(out_held.pass) * int'(out_held.rows) + int'(out_held.row)) * C;
    if (out_held.valid)
      for (int j = 0; j < C; j++)
        o_word[o_line_at+j] = j < int'(out_held.columns) ? out_line[j] : 32'd0;
    case (fault.site)
      Q_WORD: q_word[fault.index] = 16'(struck(32'(q_word[fault.index]), fault));
      K_WORD: k_word[fault.index] = 16'(struck(32'(k_word[fault.index]), fault));
      V_WORD: v_word[fault.index] = 16'(struck(32'(v_word[fault.index]), fault));
      O_WORD: o_word[fault.index] = struck(o_word[fault.index], fault);
      default: ;
    endcase
  end

  assign output_written = out_held.valid && out_held.last_pass && out_held.last_row;
  always_comb
    for (int j = 0; j < C; j++) begin
      committed[j] = store_held && int'(store_column) + j < D;
      commit_index[j] = 16'(int'(store_row) * D + int'(store_column) + j);
      commit_value[j] = crossing(DMA_TO_MEMORY, j, store_words[j], fault);
    end
endmodule
