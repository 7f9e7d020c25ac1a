// The page around the sections: one HTML file that needs nothing else.
#pragma once

#include <string>
#include <vector>

namespace attnguard {

/// What one folder, or the comparison of several, has to say.
struct Section {
  std::string id;
  std::string title;
  std::string content;     ///< HTML
  std::string group = {};  ///< the result it is about, where there are several
};

/// `sections` with style, script and plotting library. The same sections give the same bytes.
std::string page(const std::string& title, const std::vector<Section>& sections);

}  // namespace attnguard
