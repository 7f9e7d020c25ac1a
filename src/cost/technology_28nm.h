// configs/technology/28nm.json, built in.
#pragma once

namespace attnguard {

extern const char* const kTechnology28nm;

}  // namespace attnguard
