// A softmax of the checker's own, from the observed raw scores with the kernels of the datapath's
// unit.
//
// Timing as the unit's: row i's maximum is read and written at score cycle + max latency, alpha and
// p are written exp latency later, the denominator is read and written sum latency after that. p is
// held in two banks until the checksum column has read it: key j of row i at mac_start + j + i.
#pragma once

#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/running_max.h"

namespace attnguard {

class OwnSoftmax {
 public:
  explicit OwnSoftmax(const CheckerContext& context);

  void declare(FaultUniverse& universe);
  void reset();

  /// One key tile: alpha and denominator (one bank each of the checker's registers) and its own p.
  /// `denominator` may be null.
  void scores(const Observed& observed, RegisterFile<float>& alpha,
              RegisterFile<float>* denominator, std::uint32_t denominator_bank);
  /// The checksum column reads p [cols][stride] of the tile's bank.
  const float* read(const TileContext& tile, std::uint64_t mac_start);

 private:
  CheckerContext context_;
  RunningMax max_;
  RegisterFile<float> probability_;  ///< group = bank × cols + key, lane = row
};

}  // namespace attnguard
