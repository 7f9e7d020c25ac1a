// Program and control: load chains, array operations and stores, each issued as soon as what it
// needs is there. K and V of a head stay in their buffers, or come again for every query tile if
// `streamed`.
//
// The program is laid down while `reset` is high. Cycle counts follow models/*/README.md: a command
// written in cycle t acts from t + 1 on, a done line is sampled in the cycle after the update that
// raised it, and what waits for it is issued in that very cycle.
module sequencer
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
    input logic reset,
    input logic causal,
    input logic streamed,
    input logic [31:0] cycle,
    input logic [31:0] memory_latency,
    // The dma: lines of the chain cross to the buffers.
    output logic load_line,
    output logic [1:0] load_buffer,  // 0 q, 1 k, 2 v
    output logic [15:0] load_number,  // line within the tile
    output logic [7:0] load_head, load_tile,  // query head and tile, or kv head and key tile
    output logic load_half,
    output logic [7:0] load_slot,  // tile within the half
    // The array: an operand line of each buffer is read.
    output tag_t read_tag,
    output logic [7:0] read_operand,
    input tag_t p_tag,  // a row of P arrives
    // The accumulator's last word of a tile is in the o buffer.
    input logic output_written,
    output logic store_line,
    output logic [15:0] store_number,
    output logic [7:0] store_tile,  // output tile of the job
    output logic finished,
    output logic [31:0] finish_cycle
);
  localparam int QUERY_TILES = (TQ + R - 1) / R;
  localparam int KEY_TILES = (TK + C - 1) / C;
  localparam int PASSES = (D + C - 1) / C;
  localparam int OUTPUT_TILES = HEADS * QUERY_TILES;
  localparam int MAX_OPERATIONS = 2 * OUTPUT_TILES * KEY_TILES;
  localparam int MAX_LOADS = OUTPUT_TILES * (KEY_TILES + 1);

  typedef struct packed {
    logic q, k, v;
    logic [7:0] head, kv_head, query_tile, k_tile, v_tile;
    logic q_half, k_half, v_half;
    logic [15:0] retired;  // operations that must have read their operands
  } load_t;
  typedef struct packed {
    logic opens;  // first P·V of an output tile
    logic [15:0] loads;  // chains that must be complete
    tag_t tag;
  } operation_t;
  load_t loads[MAX_LOADS];
  operation_t operations[MAX_OPERATIONS];
  logic [15:0] load_count, operation_count;

  function automatic int rows_of(input int query_tile);
    return TQ - query_tile * R < R ? TQ - query_tile * R : R;
  endfunction
  function automatic int keys_of(input int key_tile);
    return TK - key_tile * C < C ? TK - key_tile * C : C;
  endfunction
  function automatic int lines_of(input load_t chain);
    return (chain.q ? D : 0) + (chain.k ? D : 0) +
           (chain.v ? PASSES * keys_of(int'(chain.v_tile)) : 0);
  endfunction

  // kv heads, the query heads that share one, query tiles; of each S0 S1 PV0 S2 PV1 …. A chain
  // serves S of a key tile and P·V of the one before. A half is taken in turn and may be filled
  // when the last operation that reads what it held has read it.
  always_ff @(posedge clk)
    if (reset) begin
      load_t chain;
      operation_t operation;
      logic k_loaded[KEY_TILES], v_loaded[KEY_TILES];
      logic bank, k_half, v_half;
      // Operations up to the last reader of a half, and of what the half taken last held before.
      int q_reader[2], k_reader[2], v_reader[2];
      int k_free, v_free;
      int n_loads, n_operations;
      n_loads = 0;
      n_operations = 0;
      bank = 1'b0;
      k_half = 1'b1;
      v_half = 1'b1;
      k_free = 0;
      v_free = 0;
      for (int h = 0; h < 2; h++) begin
        q_reader[h] = 0;
        k_reader[h] = 0;
        v_reader[h] = 0;
      end
      for (int output_tile = 0; output_tile < OUTPUT_TILES; output_tile++) begin
        int head, q, key_tiles;
        logic first_bank;
        head = output_tile / QUERY_TILES;
        q = output_tile % QUERY_TILES;
        key_tiles = KEY_TILES;
        if (causal) key_tiles = (q * R + rows_of(q) - 1 + TK - TQ) / C + 1;
        first_bank = bank;
        if (output_tile % (OUTPUT_TILES / KV_HEADS) == 0 && !streamed) begin
          k_half = !k_half;
          v_half = !v_half;
          k_free = k_reader[k_half];
          v_free = v_reader[v_half];
        end
        if (output_tile % (OUTPUT_TILES / KV_HEADS) == 0 || streamed)
          for (int t = 0; t < KEY_TILES; t++) begin
            k_loaded[t] = 1'b0;
            v_loaded[t] = 1'b0;
          end
        for (int t = 0; t <= KEY_TILES; t++)
          if (t <= key_tiles) begin
            chain = '0;
            chain.head = 8'(head);
            chain.kv_head = 8'(head / (HEADS / KV_HEADS));
            chain.query_tile = 8'(q);
            chain.k_tile = 8'(t);
            chain.v_tile = 8'(t - 1);
            chain.q_half = 1'(output_tile % 2);
            if (t == 0) begin
              chain.q = 1'b1;
              chain.retired = 16'(q_reader[output_tile%2]);
            end
            if (t < key_tiles && !k_loaded[t]) begin
              if (streamed) begin
                k_half = !k_half;
                k_free = k_reader[k_half];
              end
              chain.k = 1'b1;
              k_loaded[t] = 1'b1;
              if (k_free > int'(chain.retired)) chain.retired = 16'(k_free);
            end
            if (t > 0 && !v_loaded[t-1]) begin
              if (streamed) begin
                v_half = !v_half;
                v_free = v_reader[v_half];
              end
              chain.v = 1'b1;
              v_loaded[t-1] = 1'b1;
              if (v_free > int'(chain.retired)) chain.retired = 16'(v_free);
            end
            chain.k_half = k_half;
            chain.v_half = v_half;
            if (chain.q || chain.k || chain.v) begin
              loads[n_loads] <= chain;
              n_loads = n_loads + 1;
            end
            for (int values = 0; values < 2; values++)
              if (values == 0 ? t < key_tiles : t > 0) begin
                int key_tile;
                key_tile = values == 0 ? t : t - 1;
                operation = '0;
                operation.loads = 16'(n_loads);
                operation.opens = values == 1 && key_tile == 0;
                operation.tag.values = values == 1;
                operation.tag.rows = 8'(rows_of(q));
                operation.tag.keys = 8'(keys_of(key_tile));
                operation.tag.head = 8'(head);
                operation.tag.query_tile = 8'(q);
                operation.tag.key_tile = 8'(key_tile);
                operation.tag.operand_half = values == 0 ? k_half : v_half;
                operation.tag.operand_slot = streamed ? 8'd0 : 8'(key_tile);
                operation.tag.first_tile = key_tile == 0;
                operation.tag.last_tile = key_tile + 1 == key_tiles;
                operation.tag.bank = first_bank ^ 1'(key_tile % 2);
                operation.tag.half = 1'(output_tile % 2);
                operations[n_operations] <= operation;
                n_operations = n_operations + 1;
                if (values == 0) begin
                  q_reader[output_tile%2] = n_operations;
                  k_reader[k_half] = n_operations;
                  bank = !bank;
                end else begin
                  v_reader[v_half] = n_operations;
                end
              end
          end
      end
      load_count <= 16'(n_loads);
      operation_count <= 16'(n_operations);
    end

  // ---- array ----
  logic pending;  // a command waits to be fed
  tag_t command;
  logic [15:0] next_operation;
  logic opened;  // the output tile of the next operation
  logic [31:0] edge_free, bus_free;
  logic p_there[2];
  logic fire, place_free, issue, open;
  logic [7:0] depth;
  logic [15:0] interval;
  logic p_complete;

  // ---- loads ----
  logic loading;
  load_t chain;
  logic [31:0] load_first;  // cycle of the chain's first line
  logic [15:0] next_load, loads_complete, retired;
  logic loaded, load_issue;
  logic [15:0] loads_complete_now, retired_now;

  // ---- stores ----
  logic busy;  // the accumulator has a tile
  logic [15:0] tiles_opened, tiles_written, tiles_written_now, stores_issued, stores_issued_now;
  logic storing;
  logic [31:0] store_first;
  logic [15:0] store_lines;
  logic store_free, store_issue;

  always_comb begin
    // A chain is done when its last word is written: two cycles after the line crossed.
    loaded = loading && cycle == load_first + 32'(lines_of(chain)) + 1;
    loads_complete_now = loads_complete + 16'(loaded);

    // The pass that the command starts: read in this cycle, at the edge in the next.
    depth = command.values ? command.keys : 8'(D);
    interval = int'(depth) > R ? 16'(depth) : 16'(R);
    p_complete = p_there[command.bank] ||
        (p_tag.valid && p_tag.last_row && p_tag.bank == command.bank);
    fire = pending && cycle + 1 >= edge_free && cycle + 1 + 32'(depth) >= bus_free
        && (!command.values || p_complete);
    place_free = !pending || fire;
    // The operation before the next one is being fed, all earlier ones have read their operands.
    retired_now = place_free && next_operation > 0 ? next_operation - 1 : retired;

    load_issue = (!loading || loaded) && next_load < load_count
        && retired_now >= loads[next_load].retired;

    tiles_written_now = tiles_opened > stores_issued && !busy ? stores_issued + 1 : tiles_written;
    store_free = !storing || cycle >= store_first + 32'(store_lines) + 1;
    store_issue = tiles_written_now > stores_issued && store_free;
    stores_issued_now = stores_issued + 16'(store_issue);
    finished = next_operation == operation_count && stores_issued == OUTPUT_TILES && store_free;

    open = 1'b0;
    issue = 1'b0;
    if (next_operation < operation_count && place_free
        && loads_complete_now >= operations[next_operation].loads) begin
      if (operations[next_operation].opens && !opened)
        open = tiles_written_now >= tiles_opened && stores_issued_now + 1 >= tiles_opened;
      else
        issue = 1'b1;
    end
  end

  // Reading of the passes of an operation.
  tag_t reading;
  logic [15:0] read_step;
  logic reading_on;
  tag_t now_reading;
  logic [15:0] now_step, now_interval;
  logic [7:0] now_depth;
  always_comb begin
    now_reading = fire ? command : reading;
    now_step = fire ? 0 : read_step;
    now_depth = now_reading.values ? now_reading.keys : 8'(D);
    now_interval = int'(now_depth) > R ? 16'(now_depth) : 16'(R);
    read_tag = now_reading;
    read_tag.valid = (fire || reading_on) && int'(now_step) < int'(now_depth);
    read_tag.pass = fire ? 0 : reading.pass;
    read_tag.first = now_step == 0;
    read_tag.last = int'(now_step) + 1 == int'(now_depth);
    read_tag.last_pass = !now_reading.values || int'(read_tag.pass) + 1 == PASSES;
    read_tag.columns = !now_reading.values ? now_reading.keys
        : 8'(int'(read_tag.pass) + 1 == PASSES ? D - (PASSES - 1) * C : C);
    read_operand = 8'(now_step);
  end

  always_ff @(posedge clk) begin
    if (fire) begin
      edge_free <= cycle + 1 + (command.values ? (PASSES - 1) * 32'(interval) : 0) + 32'(depth);
      bus_free <= cycle + 1 + (command.values ? (PASSES - 1) * 32'(interval) : 0) + 32'(depth) + R;
    end
    reading <= now_reading;
    reading.pass <= read_tag.pass;
    read_step <= now_step + 1;
    if (fire) reading_on <= 1'b1;
    if (now_step + 1 == now_interval) begin
      read_step <= 0;
      reading.pass <= read_tag.pass + 1;
      if (read_tag.last_pass) reading_on <= 1'b0;
    end

    for (int b = 0; b < 2; b++)
      if (fire && command.values && int'(command.bank) == b) p_there[b] <= 1'b0;
      else if (p_tag.valid && p_tag.last_row && int'(p_tag.bank) == b) p_there[b] <= 1'b1;

    pending <= issue || (pending && !fire);
    if (issue) begin
      command <= operations[next_operation].tag;
      next_operation <= next_operation + 1;
      opened <= 1'b0;
    end
    if (open) begin
      opened <= 1'b1;
      tiles_opened <= tiles_opened + 1;
    end
    busy <= open || (busy && !output_written);
    retired <= retired_now;

    loads_complete <= loads_complete_now;
    loading <= load_issue || (loading && !loaded);
    if (load_issue) begin
      chain <= loads[next_load];
      load_first <= cycle + 1 + memory_latency;
      next_load <= next_load + 1;
    end

    tiles_written <= tiles_written_now;
    stores_issued <= stores_issued_now;
    storing <= store_issue || !store_free;
    if (store_issue) begin
      store_tile <= 8'(stores_issued);
      store_first <= cycle + 1;
      store_lines <= 16'(PASSES * rows_of(int'(stores_issued) % QUERY_TILES));
    end
    if (finished && finish_cycle == 0) finish_cycle <= cycle;

    if (reset) begin
      edge_free <= 0;
      bus_free <= 0;
      reading_on <= 1'b0;
      p_there[0] <= 1'b0;
      p_there[1] <= 1'b0;
      pending <= 1'b0;
      next_operation <= 0;
      opened <= 1'b0;
      tiles_opened <= 0;
      busy <= 1'b0;
      retired <= 0;
      loads_complete <= 0;
      loading <= 1'b0;
      next_load <= 0;
      tiles_written <= 0;
      stores_issued <= 0;
      storing <= 1'b0;
      finish_cycle <= 0;
    end
  end

  // Which line crosses: the tiles of a chain follow each other.
  logic [31:0] line, store_step;
  always_comb begin
    line = cycle - load_first;
    load_line = loading && cycle >= load_first && line < 32'(lines_of(chain));
    load_buffer = 2'd2;
    load_number = 16'(line) - (chain.q ? 16'(D) : 0) - (chain.k ? 16'(D) : 0);
    load_head = chain.kv_head;
    load_tile = chain.v_tile;
    load_half = chain.v_half;
    if (chain.q && line < D) begin
      load_buffer = 2'd0;
      load_number = 16'(line);
      load_head = chain.head;
      load_tile = chain.query_tile;
      load_half = chain.q_half;
    end else if (chain.k && line < (chain.q ? 2 * D : D)) begin
      load_buffer = 2'd1;
      load_number = 16'(line) - (chain.q ? 16'(D) : 0);
      load_tile = chain.k_tile;
      load_half = chain.k_half;
    end
    load_slot = streamed || load_buffer == 2'd0 ? 8'd0 : load_tile;
    store_step = cycle - store_first;
    store_line = storing && cycle >= store_first && store_step < 32'(store_lines);
    store_number = 16'(store_step);
  end
endmodule
