#include "src/sweep/conduct_points.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <stdexcept>

#include "src/processes/carried_error.h"
#include "src/processes/worker_pool.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

// A point's process that is killed leaves its own workers behind, for a moment. While this lives
// they become children of this process, and it ends only when they are gone.
class Reaper {
 public:
  Reaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~Reaper() {
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
};

}  // namespace

void conduct_points(const PointsToConduct& points, const PointStore& store) {
  const std::size_t count = points.order.size();
  if (count == 0) return;
  const std::uint32_t at_once = std::min<std::uint64_t>(points.workers, count);
  const auto share = [&](std::uint64_t item) {
    return points.workers / at_once + (item < points.workers % at_once ? 1 : 0);
  };
  const auto where = [&](std::uint64_t item) {
    return fmt::format("point {}: ", points.name(points.order[item]));
  };
  std::map<std::uint64_t, int> deaths;
  PoolOptions pool{at_once, 1, {}, points.tick};
  pool.failed = [&](std::uint64_t item, const std::string& reason) -> std::optional<std::string> {
    const Json error = Json::parse(reason, nullptr, false);
    if (error.is_object()) throw_error(error, where(item));
    if (++deaths[item] > 1) throw ModelError(where(item) + "failed twice: " + reason);
    return std::nullopt;
  };
  const Reaper reaper;
  run_in_workers(
      pool, count, "point",
      [&](std::uint64_t item) {
        const std::size_t point = points.order[item];
        PointProgress& progress = points.progress[point];
        progress.running = true;
        try {
          store.write(point, points.run(point, share(item)));
        } catch (...) {
          constexpr auto kReplace = Json::error_handler_t::replace;  // a path may hold any bytes
          throw std::runtime_error(current_error().dump(-1, ' ', false, kReplace));
        }
        progress.running = false;
        progress.finished = true;
        constexpr bool kRetire = true;  // the next point elaborates, too
        return WorkResult{"", kRetire};
      },
      [](std::uint64_t, const std::string&) {});
}

}  // namespace attnguard
