// What travels beside the data, and what a fault is. Nothing here is a fault site.
package types;

  // Of one row of one pass as it moves through the array and the units behind it.
  typedef struct packed {
    logic valid;
    logic first;         // operand 0: the accumulator starts from +0
    logic last;          // last operand of the pass
    logic values;        // P·V, else S
    logic [7:0] pass;    // of P·V
    logic last_pass;
    logic [7:0] row;     // row of the array
    logic last_row;      // last one used
    logic [7:0] rows;    // used rows of the tile
    logic [7:0] keys;    // keys of the tile
    logic [7:0] columns; // used columns of the pass
    logic [7:0] head;
    logic [7:0] query_tile;
    logic [7:0] key_tile;
    logic operand_half;  // of the buffer of K or V that holds the tile
    logic [7:0] operand_slot;  // and which of its tiles it is
    logic first_tile;    // first and last key tile of the query tile
    logic last_tile;
    logic bank;          // of P and alpha
    logic half;          // of l, q and o: parity of the output tile
  } tag_t;

  // Register classes and links under test. The index of a register counts those of its path
  // row-major; that of a link is the lane of the beat.
  typedef enum logic [7:0] {
    NO_SITE,
    ARRAY_WEST, ARRAY_NORTH, ARRAY_ACC, ARRAY_DRAIN, ARRAY_PROBABILITY,
    SOFTMAX_SCORE, SOFTMAX_MAX, SOFTMAX_ALPHA, SOFTMAX_PROBABILITY, SOFTMAX_SUM,
    ACCUMULATOR_ALPHA, ACCUMULATOR_SUM, ACCUMULATOR_PARTIAL, ACCUMULATOR_ACC,
    ACCUMULATOR_RECIPROCAL, ACCUMULATOR_OUTPUT,
    CHECKSUM_ROW_SUM, CHECKSUM_ROW_WEIGHT, CHECKSUM_SUM, CHECKSUM_WEIGHT, CHECKSUM_ALPHA,
    CHECKSUM_DENOMINATOR,
    Q_WORD, K_WORD, V_WORD, O_WORD,
    ALARM_LINE,
    MEMORY_TO_DMA, DMA_TO_Q, DMA_TO_K, DMA_TO_V, Q_TO_ARRAY, K_TO_ARRAY, V_TO_ARRAY,
    ARRAY_TO_SOFTMAX, SOFTMAX_TO_ARRAY, SOFTMAX_TO_ACCUMULATOR, ARRAY_TO_ACCUMULATOR,
    ACCUMULATOR_TO_O, O_TO_DMA, DMA_TO_MEMORY,
    V_TO_CHECKSUM, ARRAY_TO_CHECKSUM, SOFTMAX_TO_CHECKSUM, ACCUMULATOR_TO_CHECKSUM
  } site_t;

  typedef enum logic [2:0] {FLIP, SET, CLEAR, PLUS, MINUS} effect_t;

  // What the fault does in this cycle: to what the register holds after its update, or to the beat
  // that crosses.
  typedef struct packed {
    site_t site;  // NO_SITE in a cycle in which it does not act
    effect_t effect;
    logic [15:0] index;
    logic [31:0] mask;
  } fault_t;

  function automatic logic [31:0] struck(input logic [31:0] value, input fault_t fault);
    /*verilator no_inline_task*/
    case (fault.effect)
      FLIP: return value ^ fault.mask;
      SET: return value | fault.mask;
      CLEAR: return value & ~fault.mask;
      PLUS: return value + fault.mask;
      default: return value - fault.mask;
    endcase
  endfunction

  function automatic logic [31:0] crossing(input site_t link, input int lane,
                                           input logic [31:0] value, input fault_t fault);
    /*verilator no_inline_task*/
    return fault.site == link && int'(fault.index) == lane ? struck(value, fault) : value;
  endfunction

endpackage
