#include "src/campaign/differential/tile_faults.h"

#include <algorithm>

#include "src/simulation/errors.h"

namespace attnguard {

std::pair<std::uint32_t, std::uint32_t> require_beat(const BeatTiming& timing,
                                                     std::uint64_t cycle) {
  const auto beat = beat_at(timing, cycle);
  if (!beat)
    throw ModelError("no beat of the golden run crosses in the cycle of a live link fault");
  return *beat;
}

FaultLocator::FaultLocator(const GoldenJob& job, const ReplayUnits& units)
    : job_(job), layout_(job.layout), softmax_(units.softmax.timing()) {
  const auto ends_with = [](const std::string& text, std::string_view end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
  };
  for (const RegisterClass& cls : job.universe.classes()) {
    Field field = Field::other;
    if (ends_with(cls.path, ".score[{}]")) field = Field::score;
    if (ends_with(cls.path, ".max")) field = Field::max;
    if (ends_with(cls.path, ".probability[{}]")) field = Field::probability;
    if (ends_with(cls.path, ".acc[{}]")) field = Field::acc;
    if (ends_with(cls.path, ".partial[{}]")) field = Field::partial;
    if (ends_with(cls.path, ".output[{}]")) field = Field::output;
    if (ends_with(cls.path, ".reciprocal")) field = Field::reciprocal;
    fields_.push_back(field);
  }
}

FaultLocator::LaneFlip FaultLocator::lane_flip(const Fault& fault, Format format) const {
  const std::uint32_t bits = job_.universe[fault.site.reg].bits;
  Fault within = fault;
  within.bit = fault.bit % bits;
  const std::uint64_t held = (std::uint64_t{1} << bits_of(format)) - 1;
  return {fault.bit / bits, static_cast<std::uint32_t>(within.mask() & held)};
}

TileFault FaultLocator::locate(SiteKind kind, const Fault& fault, const TileTiming& tile,
                               std::uint32_t step) const {
  const StepTiming& timing = tile.steps[step];
  TileFault at;
  at.fault = fault;
  at.first_step = at.last_step = step;
  at.one_row = true;
  const auto from_link = [&](FaultPoint point, const BeatTiming& beats, Format format) {
    const LaneFlip flip = lane_flip(fault, format);
    const auto [group, beat] = require_beat(beats, fault.cycle);
    at.point = point;
    at.row = beat;
    at.col = group * layout_.cols + flip.lane;
    at.mask = flip.mask;
  };
  switch (kind) {
    case SiteKind::array_west:
      at.which = ArrayRegister::west;
      locate_in_array(at, timing);
      break;
    case SiteKind::array_north:
      at.which = ArrayRegister::north;
      locate_in_array(at, timing);
      break;
    case SiteKind::array_acc:
      at.which = ArrayRegister::acc;
      locate_in_array(at, timing);
      break;
    case SiteKind::array_drain:
      at.which = ArrayRegister::drain;
      locate_in_array(at, timing);
      break;
    case SiteKind::array_probability:
      locate_probability(at, timing);
      break;
    case SiteKind::softmax:
      locate_in_softmax(at, tile, step);
      break;
    case SiteKind::accumulator:
      locate_in_accumulator(at, tile, timing);
      break;
    case SiteKind::score_link:
      from_link(FaultPoint::scores, timing.scores, Format::float32);
      break;
    case SiteKind::probability_link:
      from_link(FaultPoint::probabilities, timing.probability,
                job_.accelerator.formats.probability);
      break;
    case SiteKind::scalar_link:
    case SiteKind::softmax_observation: {
      // Lane 0 carries alpha, lane 1 l.
      const bool observed = kind == SiteKind::softmax_observation;
      const bool sum = fault.bit / job_.universe[fault.site.reg].bits == 1;
      from_link(sum ? (observed ? FaultPoint::observed_sum : FaultPoint::sum)
                    : (observed ? FaultPoint::observed_alpha : FaultPoint::alpha),
                sum ? tile.sum : timing.alpha, Format::float32);
      at.col = 0;
      break;
    }
    case SiteKind::partial_link:
      from_link(FaultPoint::partials, timing.partial, Format::float32);
      break;
    case SiteKind::array_observation:
    case SiteKind::accumulator_observation:
      locate_observation(kind, at, tile, timing);
      break;
    default:
      throw ModelError("a fault that no single query tile meets");
  }
  return at;
}

void FaultLocator::locate_in_array(TileFault& at, const StepTiming& step) const {
  const Fault& fault = at.fault;
  at.point = FaultPoint::array;
  at.row = fault.site.index / layout_.cols;
  at.col = fault.site.index % layout_.cols;
  at.mask = fault.mask();
  ArrayPass pass;
  pass.rows = step.tile.rows;
  pass.cols = step.tile.cols;
  pass.depth = layout_.shape.head_dim;
  pass.start = step.scores.first_cycle - pass.depth - layout_.cols - 1;
  at.values = !pass_holds(pass, at.which, at.row, at.col, fault.cycle);
  if (at.values) {
    pass.depth = step.tile.cols;
    for (at.pass = 0; at.pass < layout_.passes; ++at.pass) {
      pass.start = pass_start(step, at.pass);
      pass.cols = std::min(layout_.cols, layout_.shape.head_dim - at.pass * layout_.cols);
      if (pass_holds(pass, at.which, at.row, at.col, fault.cycle)) break;
    }
    if (at.pass == layout_.passes) throw ModelError("no pass holds a live array register");
  }
  at.one_row = at.which != ArrayRegister::north || at.row + 1 == step.tile.rows;
}

void FaultLocator::locate_probability(TileFault& at, const StepTiming& step) const {
  const Fault& fault = at.fault;
  at.point = FaultPoint::array_probability;
  at.row = fault.site.index / layout_.cols % layout_.rows;
  at.col = fault.site.index % layout_.cols;
  at.mask = fault.mask();
  while (pass_start(step, at.pass) + at.col <= fault.cycle) ++at.pass;
}

void FaultLocator::locate_in_softmax(TileFault& at, const TileTiming& tile,
                                     std::uint32_t step) const {
  const Fault& fault = at.fault;
  at.point = FaultPoint::softmax;
  const std::uint64_t first_beat = tile.steps[step].scores.first_cycle;
  switch (fields_[fault.site.reg]) {
    case Field::score:
      at.row = static_cast<std::uint32_t>(fault.cycle - first_beat);
      break;
    case Field::probability:
      at.row = static_cast<std::uint32_t>(fault.cycle - first_beat - softmax_.alpha);
      break;
    default:
      at.row = fault.site.index;
  }
  // The maximum is read by the exponentials one cycle after it was written, then not until the next
  // key tile; its live block belongs to that one.
  if (fields_[fault.site.reg] == Field::max && step > 0 &&
      fault.cycle <= tile.steps[step - 1].scores.first_cycle + at.row + softmax_.max)
    --at.first_step;
}

void FaultLocator::locate_in_accumulator(TileFault& at, const TileTiming& tile,
                                         const StepTiming& step) const {
  const Fault& fault = at.fault;
  at.point = FaultPoint::accumulator;
  switch (fields_[fault.site.reg]) {
    case Field::partial:
      at.row = require_beat(step.partial, fault.cycle).second;
      break;
    case Field::output:
      // A slice stands in the register one cycle before it crosses.
      at.row = require_beat(tile.output, fault.cycle + 1).second;
      break;
    case Field::acc:
      at.row = fault.site.index / layout_.shape.head_dim;
      break;
    case Field::reciprocal:
      at.row = fault.site.index;
      break;
    default:
      at.row = fault.site.index / 2;
  }
}

void FaultLocator::locate_observation(SiteKind kind, TileFault& at, const TileTiming& tile,
                                      const StepTiming& step) const {
  const Fault& fault = at.fault;
  const LaneFlip flip = lane_flip(fault, Format::float32);
  at.mask = flip.mask;
  if (kind == SiteKind::accumulator_observation) {
    // Lanes of a slice: its columns of acc, the same columns of the output, the reciprocal.
    const auto [slice, row] = require_beat(tile.output, fault.cycle);
    const std::uint32_t first = slice * layout_.cols,
                        cols = std::min(layout_.cols, layout_.shape.head_dim - first);
    at.row = row;
    at.pass = slice;
    at.col = first + flip.lane % cols;
    at.point = flip.lane < cols       ? FaultPoint::observed_acc
               : flip.lane < 2 * cols ? FaultPoint::observed_output
                                      : FaultPoint::observed_reciprocal;
    return;
  }
  if (flip.lane >= layout_.cols) {  // P, fed key by key
    at.point = FaultPoint::observed_probabilities;
    at.row = flip.lane - layout_.cols;
    at.col = static_cast<std::uint32_t>(fault.cycle - step.fed_cycle);
    return;
  }
  const auto scores = beat_at(step.scores, fault.cycle);
  const auto [group, row] = scores ? *scores : require_beat(step.partial, fault.cycle);
  at.point = scores ? FaultPoint::observed_scores : FaultPoint::observed_partials;
  at.row = row;
  at.col = group * layout_.cols + flip.lane;
}

OutputFault FaultLocator::locate_output(SiteKind kind, const Fault& fault,
                                        const TileTiming& tile) const {
  const Format format = job_.accelerator.formats.output;
  OutputFault at;
  at.bits = bits_of(format);
  at.activate_cycle = fault.cycle;
  std::uint32_t slice = 0, lane = 0;
  if (kind == SiteKind::o_word) {
    at.bits = job_.universe[fault.site.reg].bits;
    const std::uint64_t byte =
        std::uint64_t{fault.site.index} * (at.bits / 8) - tile.output_address;
    const std::uint32_t line_bytes = layout_.cols * bytes_of(format);
    const auto line = static_cast<std::uint32_t>(byte / line_bytes);
    slice = line / tile.tile.rows;
    at.row = line % tile.tile.rows;
    lane = static_cast<std::uint32_t>(byte % line_bytes / bytes_of(format));
    at.shift = static_cast<std::uint32_t>(byte % bytes_of(format) * 8);
    at.mask = static_cast<std::uint32_t>(fault.mask()) << at.shift;
    at.activate_cycle = tile.output_read.cycle(slice, at.row);
  } else {
    const BeatTiming& beats = kind == SiteKind::output_link   ? tile.output
                              : kind == SiteKind::stored_link ? tile.output_read
                                                              : tile.commit;
    const LaneFlip flip = lane_flip(fault, format);
    const auto [group, beat] = require_beat(beats, fault.cycle);
    slice = group;
    at.row = beat;
    lane = flip.lane;
    at.mask = flip.mask;
  }
  at.column = slice * layout_.cols + lane;
  return at;
}

/// Element of a beat of `timing` on `lane`; cycle is at.cycle.
void FaultLocator::place(OperandFault& at, BufferId buffer, std::uint32_t step,
                         const BeatTiming& timing, std::uint32_t lane) const {
  const auto [group, beat] = require_beat(timing, at.cycle);
  at.change.buffer = buffer;
  at.change.key_tile = step;
  at.change.depth = beat;
  at.change.lane = buffer == BufferId::v ? group * layout_.cols + lane : lane;
}

OperandFault FaultLocator::locate_operand(SiteKind kind, const Fault& fault,
                                          const GroupSchedule& schedule, const TileTiming& tile,
                                          std::uint32_t step) const {
  if (kind == SiteKind::q_word || kind == SiteKind::k_word || kind == SiteKind::v_word)
    return locate_word(kind, fault, schedule, tile, step);
  const StepTiming& timing = tile.steps[step];
  const TileInBuffer& key = schedule.keys()[timing.key_slot];
  const TileInBuffer& value = schedule.values()[timing.key_slot];
  const Format format = job_.accelerator.formats.operand;
  const LaneFlip flip = lane_flip(fault, format);
  const auto last = static_cast<std::uint32_t>(tile.steps.size()) - 1;
  OperandFault at;
  at.cycle = fault.cycle;
  at.mask = flip.mask;
  at.bits = bits_of(format);
  OperandChange& change = at.change;
  const auto loaded = [&](BufferId buffer, const BeatTiming& written) {
    place(at, buffer, step, written, flip.lane);
    change.by_array = change.observed_read = change.observed_written = true;
    change.first_step = buffer == BufferId::q ? 0 : step;
    change.last_step = buffer == BufferId::q ? last : step;
  };
  const auto read = [&](BufferId buffer, const BeatTiming& beats) {
    place(at, buffer, step, beats, flip.lane);
    change.by_array = true;
    change.first_step = change.last_step = step;
  };
  // Lines written cross on the first lanes of an observation link, lines read on those behind.
  const auto observed = [&](BufferId buffer, std::uint32_t lanes, const BeatTiming& written,
                            const BeatTiming& beats) {
    const bool when_read = flip.lane >= lanes;
    place(at, buffer, step, when_read ? beats : written, flip.lane % lanes);
    change.observed_read = when_read;
    change.observed_written = !when_read;
    const bool query_written = buffer == BufferId::q && !when_read;
    change.first_step = query_written ? 0 : step;
    change.last_step = query_written ? last : step;
  };
  switch (kind) {
    case SiteKind::load_link:
      if (step == 0 && beat_at(tile.query.written, fault.cycle))
        loaded(BufferId::q, tile.query.written);
      else if (beat_at(key.written, fault.cycle))
        loaded(BufferId::k, key.written);
      else
        loaded(BufferId::v, value.written);
      break;
    case SiteKind::q_load_link:
      loaded(BufferId::q, tile.query.written);
      break;
    case SiteKind::k_load_link:
      loaded(BufferId::k, key.written);
      break;
    case SiteKind::v_load_link:
      loaded(BufferId::v, value.written);
      break;
    case SiteKind::q_read_link:
      read(BufferId::q, timing.q_read);
      break;
    case SiteKind::k_read_link:
      read(BufferId::k, timing.k_read);
      break;
    case SiteKind::v_read_link:
      read(BufferId::v, timing.v_read);
      break;
    case SiteKind::q_observation:
      observed(BufferId::q, layout_.rows, tile.query.written, timing.q_read);
      break;
    case SiteKind::k_observation:
      observed(BufferId::k, layout_.cols, key.written, timing.k_read);
      break;
    case SiteKind::v_observation:
      observed(BufferId::v, layout_.cols, value.written, timing.v_read);
      break;
    default:
      throw ModelError("not an operand's fault");
  }
  return at;
}

OperandFault FaultLocator::locate_word(SiteKind kind, const Fault& fault,
                                       const GroupSchedule& schedule, const TileTiming& tile,
                                       std::uint32_t step) const {
  const StepTiming& timing = tile.steps[step];
  const TileInBuffer& held = kind == SiteKind::q_word   ? tile.query
                             : kind == SiteKind::k_word ? schedule.keys()[timing.key_slot]
                                                        : schedule.values()[timing.key_slot];
  const std::uint32_t lanes = kind == SiteKind::q_word ? layout_.rows : layout_.cols;
  const std::uint32_t element_bytes = layout_.operand_bytes;
  OperandFault at;
  at.in_buffer = true;
  at.cycle = fault.cycle;
  at.bits = job_.universe[fault.site.reg].bits;
  const std::uint64_t byte = std::uint64_t{fault.site.index} * (at.bits / 8) - held.address;
  const auto line = static_cast<std::uint32_t>(byte / (lanes * element_bytes));
  const auto lane = static_cast<std::uint32_t>(byte % (lanes * element_bytes) / element_bytes);
  at.shift = static_cast<std::uint32_t>(byte % element_bytes * 8);
  at.mask = static_cast<std::uint32_t>(fault.mask()) << at.shift;
  OperandChange& change = at.change;
  change.by_array = change.observed_read = true;
  change.key_tile = change.first_step = change.last_step = step;
  change.depth = line;
  change.lane = lane;
  change.buffer = kind == SiteKind::q_word ? BufferId::q : BufferId::k;
  if (kind == SiteKind::v_word) {  // [pass][key][C]
    change.buffer = BufferId::v;
    change.depth = line % timing.tile.cols;
    change.lane = line / timing.tile.cols * layout_.cols + lane;
  } else if (kind == SiteKind::q_word) {
    change.last_step = static_cast<std::uint32_t>(tile.steps.size()) - 1;
    change.first_step = 0;
    while (tile.steps[change.first_step].q_read.cycle(0, line) <= fault.cycle) ++change.first_step;
  }
  return at;
}

}  // namespace attnguard
