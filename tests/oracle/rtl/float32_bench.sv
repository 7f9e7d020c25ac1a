// The arithmetic of float32.sv by itself, one operation at a time.
module float32_bench
  import float32::*;
(
    input logic [2:0] operation,
    input logic [31:0] a,
    input logic [31:0] b,
    output logic [31:0] result
);
  always_comb
    case (operation)
      0: result = add(a, b);
      1: result = mul(a, b);
      2: result = div(a, b);
      3: result = 32'(greater(a, b));
      4: result = stored(a, 1'b0);
      5: result = exp2(a, 1'b0);
      default: result = exp2(a, 1'b1);
    endcase
endmodule
