#include "src/campaign/differential/site_kind.h"

#include <string>

namespace attnguard {
namespace {

struct KindOfPrefix {
  std::string_view prefix;
  SiteKind kind;
};

// The first that fits; the only place that knows the names of sites.
constexpr KindOfPrefix kKinds[] = {
    {"q_buffer.word", SiteKind::q_word},
    {"k_buffer.word", SiteKind::k_word},
    {"v_buffer.word", SiteKind::v_word},
    {"o_buffer.word", SiteKind::o_word},
    {"q_buffer.check", SiteKind::q_check},
    {"k_buffer.check", SiteKind::k_check},
    {"v_buffer.check", SiteKind::v_check},
    {"o_buffer.check", SiteKind::o_check},
    {"array.pe[{}][{}].west", SiteKind::array_west},
    {"array.pe[{}][{}].north", SiteKind::array_north},
    {"array.pe[{}][{}].acc", SiteKind::array_acc},
    {"array.pe[{}][{}].drain", SiteKind::array_drain},
    {"array.probability", SiteKind::array_probability},
    {"softmax.", SiteKind::softmax},
    {"accumulator.", SiteKind::accumulator},
    {"link.external_memory_to_dma.data", SiteKind::load_link},
    {"link.dma_to_q_buffer.data", SiteKind::q_load_link},
    {"link.dma_to_k_buffer.data", SiteKind::k_load_link},
    {"link.dma_to_v_buffer.data", SiteKind::v_load_link},
    {"link.q_buffer_to_array.data", SiteKind::q_read_link},
    {"link.k_buffer_to_array.data", SiteKind::k_read_link},
    {"link.v_buffer_to_array.data", SiteKind::v_read_link},
    {"link.array_to_softmax.data", SiteKind::score_link},
    {"link.softmax_to_array.data", SiteKind::probability_link},
    {"link.softmax_to_accumulator.data", SiteKind::scalar_link},
    {"link.array_to_accumulator.data", SiteKind::partial_link},
    {"link.accumulator_to_o_buffer.data", SiteKind::output_link},
    {"link.o_buffer_to_dma.data", SiteKind::stored_link},
    {"link.dma_to_external_memory.data", SiteKind::commit_link},
    {"link.q_buffer_to_checksum.data", SiteKind::q_observation},
    {"link.k_buffer_to_checksum.data", SiteKind::k_observation},
    {"link.v_buffer_to_checksum.data", SiteKind::v_observation},
    {"link.array_to_checksum.data", SiteKind::array_observation},
    {"link.softmax_to_checksum.data", SiteKind::softmax_observation},
    {"link.accumulator_to_checksum.data", SiteKind::accumulator_observation},
    {"checksum.", SiteKind::checker},
    {"line.alarm.", SiteKind::alarm_line},
    {"line.done.", SiteKind::control},
};

}  // namespace

SiteKind site_kind(const RegisterClass& cls) {
  for (const KindOfPrefix& entry : kKinds)
    if (cls.path.compare(0, entry.prefix.size(), entry.prefix) == 0) return entry.kind;
  return SiteKind::unknown;
}

std::vector<SiteKind> site_kinds(const FaultUniverse& universe) {
  std::vector<SiteKind> kinds;
  for (const RegisterClass& cls : universe.classes()) kinds.push_back(site_kind(cls));
  return kinds;
}

std::string_view engine_of(const RegisterClass& cls) {
  const SiteKind kind = site_kind(cls);
  if (kind == SiteKind::unknown) return "full";
  return kind == SiteKind::control || cls.coded ? "differential, full" : "differential";
}

std::string_view engine_of(FaultModel model) {
  return model == FaultModel::bit_flip || model == FaultModel::carry ? "differential" : "full";
}

}  // namespace attnguard
