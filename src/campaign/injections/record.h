// An injection and what it did, and the bytes they are kept as while a campaign runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/campaign/context.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

struct Record {
  Injection injection;  ///< read back without `block` and `also`
  Measurement measurement;
};

/// Bytes of a fixed size, so that a record is found by its position; for one machine and build.
class RecordCodec {
 public:
  explicit RecordCodec(const CampaignContext& context);

  std::size_t size() const { return size_; }
  /// Appends size() bytes.
  void encode(const Record& record, std::string& bytes) const;
  /// `bytes` holds at least size() bytes. Overwrites `record` whole; reused, it allocates nothing.
  void decode(std::string_view bytes, Record& record) const;
  /// The injection's number in the bytes of a record.
  static std::uint64_t number(std::string_view bytes);
  /// A record without measured values.
  Record blank(const Injection& injection) const;

 private:
  Record shape_;  ///< with as many checkers and ratios as every record has
  std::size_t size_ = 0;
};

}  // namespace attnguard
