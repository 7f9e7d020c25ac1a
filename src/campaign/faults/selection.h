// Which sites a campaign's globs select.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/fault_injector/fault_universe.h"
#include "src/config/origin.h"

namespace attnguard {

/// The selected instances of one register class.
struct SelectedClass {
  RegisterId reg = 0;
  std::uint64_t instances = 0;
  std::vector<bool> chosen;  ///< by instance; empty: all

  bool contains(std::uint32_t instance) const { return chosen.empty() || chosen[instance]; }
};

/// The classes with at least one site that some glob matches, in declaration order; of state only
/// those that a glob names, one that does not begin with a star. Throws
/// UserError for a glob that matches nothing, naming campaign.sites and the nearest site class.
std::vector<SelectedClass> select_sites(const FaultUniverse& universe,
                                        const std::vector<std::string>& globs,
                                        const ConfigOrigin& origin);

/// What to tell someone who wrote `text` for a site: the nearest class and how to list all.
std::string site_hint(const FaultUniverse& universe, const std::string& text);

}  // namespace attnguard
