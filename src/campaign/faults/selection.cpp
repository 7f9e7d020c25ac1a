#include "src/campaign/faults/selection.h"

#include <algorithm>
#include <iterator>

#include "src/config/nearest.h"

namespace attnguard {
std::string site_hint(const FaultUniverse& universe, const std::string& text) {
  std::vector<std::string> names;
  for (const RegisterClass& cls : universe.classes()) names.push_back(cls.site_class());
  const std::string nearest = nearest_match(text, names);
  const std::string all = "`attnguard sites` lists them";
  if (nearest.empty()) return all;
  const auto at = std::find(names.begin(), names.end(), nearest) - names.begin();
  std::string extents;
  for (const std::uint32_t extent : universe[static_cast<RegisterId>(at)].extents)
    extents += (extents.empty() ? ", indices below " : " and ") + std::to_string(extent);
  return "the nearest class is " + nearest + extents + "; " + all;
}

std::vector<SelectedClass> select_sites(const FaultUniverse& universe,
                                        const std::vector<std::string>& all_globs,
                                        const ConfigOrigin& origin) {
  for (std::size_t i = 0; i < all_globs.size(); ++i) {
    bool matched = false;
    for (RegisterId reg = 0; reg < universe.classes().size() && !matched; ++reg)
      matched = universe.class_matches(reg, all_globs[i]);
    if (!matched)
      origin.reject("/campaign/sites/" + std::to_string(i), "\"" + all_globs[i] + "\"",
                    "a glob that matches a site; " + site_hint(universe, all_globs[i]));
  }
  std::vector<SelectedClass> selected;
  std::vector<std::string> naming;  // without those that begin with a star
  std::copy_if(all_globs.begin(), all_globs.end(), std::back_inserter(naming),
               [](const std::string& glob) { return glob.front() != '*'; });
  for (RegisterId reg = 0; reg < universe.classes().size(); ++reg) {
    const bool named = universe[reg].kind == StorageKind::state;
    const std::vector<std::string>& globs = named ? naming : all_globs;
    SelectedClass cls{reg, 0, {}};
    const std::uint64_t instances = universe[reg].instances();
    if (std::any_of(globs.begin(), globs.end(),
                    [&](const std::string& glob) { return universe.matches_all(reg, glob); })) {
      cls.instances = instances;
    } else if (std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
                 return universe.class_matches(reg, glob);
               })) {
      cls.chosen.resize(instances);
      for (std::uint64_t index = 0; index < instances; ++index) {
        const std::string name = universe.name({reg, static_cast<std::uint32_t>(index)});
        cls.chosen[index] = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
          return glob_matches(glob, name);
        });
        cls.instances += cls.chosen[index];
      }
    }
    if (cls.instances > 0) selected.push_back(std::move(cls));
  }
  return selected;
}

}  // namespace attnguard
