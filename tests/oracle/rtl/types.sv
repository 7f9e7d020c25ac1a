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
    logic [7:0] query_tile;
    logic [7:0] key_tile;
    logic first_tile;    // first and last key tile of the query tile
    logic last_tile;
    logic bank;          // of P and alpha
    logic half;          // of l, q and o
  } tag_t;

  // Register classes under test; the number of one within its class counts its indices row-major.
  typedef enum logic [7:0] {
    NO_SITE,
    ARRAY_WEST, ARRAY_NORTH, ARRAY_ACC, ARRAY_DRAIN, ARRAY_PROBABILITY,
    SOFTMAX_SCORE, SOFTMAX_MAX, SOFTMAX_ALPHA, SOFTMAX_PROBABILITY, SOFTMAX_SUM,
    ACCUMULATOR_ALPHA, ACCUMULATOR_SUM, ACCUMULATOR_PARTIAL, ACCUMULATOR_ACC,
    ACCUMULATOR_RECIPROCAL, ACCUMULATOR_OUTPUT,
    CHECKSUM_ROW_SUM, CHECKSUM_ROW_WEIGHT, CHECKSUM_SUM, CHECKSUM_WEIGHT, CHECKSUM_ALPHA,
    CHECKSUM_DENOMINATOR,
    Q_WORD, K_WORD, V_WORD, O_WORD,
    ALARM_LINE
  } site_t;

  // The flip of this cycle: the bits of `mask` change in what the register holds after its update.
  typedef struct packed {
    site_t site;  // NO_SITE in every other cycle
    logic [15:0] index;
    logic [31:0] mask;
  } flip_t;

endpackage
