// IEEE 754 binary32 in integer logic, to docs/arithmetic.md: round to nearest, ties to even;
// denormals kept; every NaN that leaves an operation is 0x7fc00000.
package float32;

  localparam logic [31:0] NAN = 32'h7fc00000;
  localparam logic [31:0] INFINITY = 32'h7f800000;

  function automatic logic is_nan(input logic [31:0] a);
    return a[30:0] > INFINITY[30:0];
  endfunction

  function automatic logic is_finite(input logic [31:0] a);
    return a[30:23] != 8'hff;
  endfunction

  function automatic logic [31:0] magnitude(input logic [31:0] a);
    return {1'b0, a[30:0]};
  endfunction

  // Significand with its leading bit; a denormal has none and the exponent of the smallest normal.
  function automatic logic [23:0] significand(input logic [31:0] a);
    return {a[30:23] != 0, a[22:0]};
  endfunction

  function automatic int exponent(input logic [31:0] a);
    return a[30:23] == 0 ? 1 : int'(a[30:23]);
  endfunction

  // ±m · 2^(e − 127 − 47) with m as it comes, rounded once. `rest`: something below the last bit
  // was cut off, which must then not be needed for the bits that stay.
  function automatic logic [31:0] rounded(input logic sign, input int e, input logic [47:0] m,
                                          input logic rest);
    /*verilator no_inline_task*/
    logic [47:0] digits;
    logic tail;
    int exp;
    logic [24:0] kept;
    if (m == 0) return {sign, 31'd0};
    digits = m;
    exp = e;
    tail = rest;
    for (int step = 32; step > 0; step = step / 2)
      if ((digits >> (48 - step)) == 0) begin
        digits = digits << step;
        exp = exp - step;
      end
    if (exp < 1) begin  // too small for a leading bit
      if (exp < -47) begin
        tail = 1'b1;
        digits = 0;
      end else begin
        tail = tail || (digits & ((48'd1 << (1 - exp)) - 48'd1)) != 0;
        digits = digits >> (1 - exp);
      end
      exp = 1;
    end
    kept = {1'b0, digits[47:24]};
    if (digits[23] && (digits[22:0] != 0 || tail || digits[24])) kept = kept + 25'd1;
    if (kept[24]) begin
      kept = kept >> 1;
      exp = exp + 1;
    end
    if (exp >= 255) return {sign, INFINITY[30:0]};
    return {sign, kept[23] ? 8'(exp) : 8'd0, kept[22:0]};
  endfunction

  function automatic logic [31:0] add(input logic [31:0] a, input logic [31:0] b);
    /*verilator no_inline_task*/
    logic [31:0] bigger, lesser;
    logic [47:0] x, y;
    int distance;
    logic rest;
    if (is_nan(a) || is_nan(b)) return NAN;
    if (!is_finite(a)) return !is_finite(b) && a[31] != b[31] ? NAN : a;
    if (!is_finite(b)) return b;
    bigger = a[30:0] >= b[30:0] ? a : b;
    lesser = a[30:0] >= b[30:0] ? b : a;
    // Leading bit of `bigger` at 46, which leaves room for the carry.
    x = {1'b0, significand(bigger), 23'd0};
    y = {1'b0, significand(lesser), 23'd0};
    distance = exponent(bigger) - exponent(lesser);
    rest = 1'b0;
    if (distance > 46) begin
      rest = y != 0;
      y = 0;
    end else begin
      rest = (y & ((48'd1 << distance) - 48'd1)) != 0;
      y = y >> distance;
    end
    if (bigger[31] == lesser[31]) return rounded(bigger[31], exponent(bigger) + 1, x + y, rest);
    // What was cut off is borrowed; the result lies above x − y − 1 by the rest.
    x = x - y - 48'(rest);
    return x == 0 ? 32'd0 : rounded(bigger[31], exponent(bigger) + 1, x, rest);
  endfunction

  function automatic logic [31:0] sub(input logic [31:0] a, input logic [31:0] b);
    return add(a, {~b[31], b[30:0]});
  endfunction

  function automatic logic [31:0] mul(input logic [31:0] a, input logic [31:0] b);
    /*verilator no_inline_task*/
    logic sign;
    sign = a[31] ^ b[31];
    if (is_nan(a) || is_nan(b)) return NAN;
    if (!is_finite(a) || !is_finite(b))
      return a[30:0] == 0 || b[30:0] == 0 ? NAN : {sign, INFINITY[30:0]};
    return rounded(sign, exponent(a) + exponent(b) - 126, 48'(significand(a)) * 48'(significand(b)),
                   1'b0);
  endfunction

  function automatic logic [31:0] div(input logic [31:0] a, input logic [31:0] b);
    /*verilator no_inline_task*/
    logic sign;
    logic [63:0] dividend, divisor;
    int e;
    sign = a[31] ^ b[31];
    if (is_nan(a) || is_nan(b)) return NAN;
    if (!is_finite(a)) return is_finite(b) ? {sign, INFINITY[30:0]} : NAN;
    if (!is_finite(b)) return {sign, 31'd0};
    if (b[30:0] == 0) return a[30:0] == 0 ? NAN : {sign, INFINITY[30:0]};
    if (a[30:0] == 0) return {sign, 31'd0};
    dividend = 64'(significand(a));
    divisor = 64'(significand(b));
    e = exponent(a) - exponent(b);
    for (int step = 16; step > 0; step = step / 2) begin
      if ((dividend >> (24 - step)) == 0) begin
        dividend = dividend << step;
        e = e - step;
      end
      if ((divisor >> (24 - step)) == 0) begin
        divisor = divisor << step;
        e = e + step;
      end
    end
    dividend = dividend << 32;
    return rounded(sign, e + 127 + 15, 48'(dividend / divisor), dividend % divisor != 0);
  endfunction

  // a > b; never with a NaN.
  function automatic logic greater(input logic [31:0] a, input logic [31:0] b);
    /*verilator no_inline_task*/
    if (is_nan(a) || is_nan(b)) return 1'b0;
    if (a[30:0] == 0 && b[30:0] == 0) return 1'b0;
    if (a[31] != b[31]) return b[31];
    return a[31] ? a[30:0] < b[30:0] : a[30:0] > b[30:0];
  endfunction

  function automatic logic [15:0] to_bfloat16(input logic [31:0] a);
    if (is_nan(a)) return 16'h7fc0;
    return 16'((a + 32'h7fff + 32'(a[16])) >> 16);
  endfunction

  function automatic logic [31:0] from_bfloat16(input logic [15:0] a);
    return {a, 16'd0};
  endfunction

  // A value in a 32-bit register: all of it, or bfloat16 in the low half.
  function automatic logic [31:0] stored(input logic [31:0] a, input logic wide);
    /*verilator no_inline_task*/
    return wide ? (is_nan(a) ? NAN : a) : 32'(to_bfloat16(a));
  endfunction

  function automatic logic [31:0] loaded(input logic [31:0] a, input logic wide);
    return wide ? a : from_bfloat16(a[15:0]);
  endfunction

  // 2^f for f in [0, 1]: a polynomial by Horner's rule.
  function automatic logic [31:0] polynomial(input logic [31:0] f);
    /*verilator no_inline_task*/
    localparam logic [31:0] COEFFICIENT[7] = '{32'h3963b2d4, 32'h3aa310a8, 32'h3c1e90be,
                                              32'h3d63435a, 32'h3e75feba, 32'h3f317215,
                                              32'h3f800000};  // of f^6 down to f^0
    logic [31:0] y;
    y = COEFFICIENT[0];
    for (int i = 1; i < 7; i++) y = add(mul(y, f), COEFFICIENT[i]);
    return y;
  endfunction

  // 2^f for f in [0, 1]: the chord between i/8 and (i + 1)/8, from its left end.
  function automatic logic [31:0] chord(input logic [31:0] f);
    /*verilator no_inline_task*/
    localparam logic [31:0] KNOT[9] = '{32'h3f800000, 32'h3f8b95c2, 32'h3f9837f0, 32'h3fa5fed7,
                                       32'h3fb504f3, 32'h3fc5672a, 32'h3fd744fd, 32'h3feac0c7,
                                       32'h40000000};  // 2^(i/8)
    logic [31:0] left, slope;
    int i;
    i = 0;
    left = 32'd0;
    for (int n = 1; n < 8; n++)
      if (!greater(rounded(1'b0, 127 + 44, 48'(n), 1'b0), f)) begin
        i = n;
        left = rounded(1'b0, 127 + 44, 48'(n), 1'b0);  // n/8
      end
    slope = mul(32'h41000000, sub(KNOT[i+1], KNOT[i]));
    return add(KNOT[i], mul(slope, sub(f, left)));
  endfunction

  // 2^x: x = n + f, n the largest integer that is not above x.
  function automatic logic [31:0] exp2(input logic [31:0] x, input logic chords);
    /*verilator no_inline_task*/
    logic [31:0] f, whole;
    int n, fraction_bits;
    if (is_nan(x)) return NAN;
    if (!greater(32'h43000000, x)) return INFINITY;  // 128
    if (greater(32'hc2fc0000, x)) return 32'd0;      // −126
    fraction_bits = 150 - exponent(x);               // at least 17 from here on
    n = fraction_bits > 23 ? 0 : int'(significand(x) >> fraction_bits);
    if (x[31]) begin
      n = -n;
      if (fraction_bits > 23 ? x[30:0] != 0
                             : (significand(x) & ((24'd1 << fraction_bits) - 24'd1)) != 0)
        n = n - 1;
    end
    whole = rounded(n < 0, 127 + 47, n < 0 ? 48'(-n) : 48'(n), 1'b0);
    f = sub(x, whole);
    return (chords ? chord(f) : polynomial(f)) + {9'(n), 23'd0};
  endfunction

endpackage
