// The options of a checker, of whatever kind: a value that knows how to build its checker.
//
// An options struct names its kind, describes its keys and makes the checker:
//   static constexpr std::string_view kind = "range_check";
//   template <class Self, class V> static void visit(Self& self, V& v);  // see fabric/field.h
//   std::unique_ptr<Checker> make_checker(const std::string& name,
//                                         const CheckerDimensions& dims) const;
// Options that do not go together with each other are refused by an optional
//   std::optional<OptionConflict> conflict() const;
// A checker that can watch a plain product of matrices (CheckerDimensions::gemm) says so:
//   static constexpr bool for_gemm = true;
// Where a comparison's threshold is set, an optional member says:
//   std::optional<ThresholdKey> threshold_key(std::string_view comparison) const;
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "models/checksum_unit/checker.h"

namespace attnguard {

/// An option that others rule out: its key, with / below a nested object, its value and what is
/// allowed instead.
struct OptionConflict {
  std::string key, value, allowed;
};

/// The key, dotted below the checker, whose value is a comparison's threshold as a factor of the
/// scale its checks report.
struct ThresholdKey {
  std::string value;
  std::string rule_key, rule;  ///< and the rule under which it is; empty if there is no choice
};

template <class Options, class = void>
struct HasThresholdKey : std::false_type {};
template <class Options>
struct HasThresholdKey<Options, std::void_t<decltype(std::declval<const Options&>().threshold_key(
                                    std::string_view()))>> : std::true_type {};

template <class Options, class = void>
struct CanConflict : std::false_type {};
template <class Options>
struct CanConflict<Options, std::void_t<decltype(std::declval<const Options&>().conflict())>>
    : std::true_type {};

class CheckerOptions {
 public:
  template <class Options,
            class = std::enable_if_t<!std::is_same_v<std::decay_t<Options>, CheckerOptions>>>
  CheckerOptions(
      Options options)  // NOLINT(google-explicit-constructor): any kind's options are some
      : held_(std::make_shared<const Held<Options>>(std::move(options))) {}

  std::string_view kind() const { return held_->kind(); }
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const {
    return held_->make_checker(name, dims);
  }
  std::optional<OptionConflict> conflict() const { return held_->conflict(); }
  /// Empty if no key sets the comparison's threshold.
  std::optional<ThresholdKey> threshold_key(std::string_view comparison) const {
    return held_->threshold_key(comparison);
  }
  /// The options themselves; null if they are of another kind.
  template <class Options>
  const Options* get_if() const {
    const auto* held = dynamic_cast<const Held<Options>*>(held_.get());
    return held == nullptr ? nullptr : &held->options;
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::string_view kind() const = 0;
    virtual std::unique_ptr<Checker> make_checker(const std::string& name,
                                                  const CheckerDimensions& dims) const = 0;
    virtual std::optional<OptionConflict> conflict() const = 0;
    virtual std::optional<ThresholdKey> threshold_key(std::string_view comparison) const = 0;
  };
  template <class Options>
  struct Held final : Base {
    explicit Held(Options given) : options(std::move(given)) {}
    std::string_view kind() const override { return Options::kind; }
    std::unique_ptr<Checker> make_checker(const std::string& name,
                                          const CheckerDimensions& dims) const override {
      return options.make_checker(name, dims);
    }
    std::optional<OptionConflict> conflict() const override {
      if constexpr (CanConflict<Options>::value) return options.conflict();
      return std::nullopt;
    }
    std::optional<ThresholdKey> threshold_key(
        [[maybe_unused]] std::string_view comparison) const override {
      if constexpr (HasThresholdKey<Options>::value) return options.threshold_key(comparison);
      return std::nullopt;
    }
    Options options;
  };

  std::shared_ptr<const Base> held_;  ///< never null, never changed
};

/// A checker as configured: a name of the user's choice and the options of its kind.
struct CheckerConfig {
  std::string name;
  CheckerOptions options;
};

}  // namespace attnguard
