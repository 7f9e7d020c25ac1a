// A JSON value that may be missing.
#pragma once

#include <optional>

#include "src/config/document.h"

namespace attnguard {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace attnguard
