#include "tests/unit/checker_stream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "models/checksum_unit/checker_config.h"
#include "models/numerics/kernels.h"

namespace attnguard {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint32_t kMaxLatency = 3, kExpLatency = 6, kSumLatency = 3, kDivideLatency = 8;

std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

struct Step {
  TileContext tile;
  std::uint32_t query_index = 0;  ///< query tiles before this one in the job
  bool first_of_kv_head = false;
};

class Scheduler {
 public:
  explicit Scheduler(const StreamShape& shape) : shape_(shape), stride_(lane_stride(shape.rows)) {
    fill(q_, shape.heads * shape.tokens_q, shape.query_scale, 0, shape.outlier_channels, 11);
    fill(k_, shape.kv_heads * shape.tokens_k, shape.key_scale, 0, shape.outlier_channels, 12);
    fill(v_, shape.kv_heads * shape.tokens_k, shape.value_scale, shape.value_mean, 0, 13);
    list_steps();
  }

  std::vector<StreamEvent> run() {
    p_.resize(steps_.size());
    alpha_.resize(steps_.size());
    for (std::size_t n = 0; n <= steps_.size(); ++n) {
      if (n < steps_.size()) score_pass(n);
      if (n > 0) value_pass(n - 1);
    }
    std::stable_sort(
        events_.begin(), events_.end(),
        [](const StreamEvent& a, const StreamEvent& b) { return a.handed_over < b.handed_over; });
    return std::move(events_);
  }

 private:
  void fill(std::vector<float>& out, std::uint32_t tokens, float scale, float mean,
            std::uint32_t outliers, std::uint32_t salt) {
    std::mt19937 engine(shape_.seed * 100 + salt);
    std::normal_distribution<float> normal(0, 1);
    out.resize(std::size_t{tokens} * shape_.head_dim);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float factor = i % shape_.head_dim < outliers ? 20.0F : 1.0F;
      out[i] = round_to(Format::bfloat16, normal(engine) * scale * factor + mean);
    }
  }

  void list_steps() {
    const std::uint32_t query_tiles = ceil_div(shape_.tokens_q, shape_.rows);
    const std::uint32_t key_tiles = ceil_div(shape_.tokens_k, shape_.cols);
    for (std::uint32_t head = 0; head < shape_.heads; ++head) {
      for (std::uint32_t query_tile = 0; query_tile < query_tiles; ++query_tile) {
        TileContext tile;
        tile.head = head;
        tile.kv_head = head / (shape_.heads / shape_.kv_heads);
        tile.query_tile = query_tile;
        tile.first_row = query_tile * shape_.rows;
        tile.rows = std::min(shape_.rows, shape_.tokens_q - tile.first_row);
        const std::uint32_t last_key =
            tile.first_row + tile.rows - 1 + shape_.tokens_k - shape_.tokens_q;
        const std::uint32_t tiles =
            shape_.causal ? std::min(key_tiles, last_key / shape_.cols + 1) : key_tiles;
        for (std::uint32_t key_tile = 0; key_tile < tiles; ++key_tile) {
          tile.key_tile = key_tile;
          tile.first_key = key_tile * shape_.cols;
          tile.cols = std::min(shape_.cols, shape_.tokens_k - tile.first_key);
          tile.first = key_tile == 0;
          tile.last = key_tile + 1 == tiles;
          tile.bank = steps_.size() % 2;
          tile.half = (head * query_tiles + query_tile) % 2;
          const bool new_kv = tile.first && query_tile == 0 &&
                              (steps_.empty() || steps_.back().tile.kv_head != tile.kv_head);
          steps_.push_back({tile, head * query_tiles + query_tile, new_kv});
        }
      }
    }
  }

  StreamEvent& emit(Observation kind, const TileContext& tile, std::vector<float> values,
                    std::size_t stride, BeatTiming timing) {
    events_.push_back({kind, tile, std::move(values), stride, timing, timing.first_cycle, false});
    return events_.back();
  }

  // Tiles as the buffers hand them out.
  std::vector<float> query_tile(const TileContext& tile) const {
    std::vector<float> out(shape_.head_dim * stride_, kNan);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      for (std::uint32_t k = 0; k < shape_.head_dim; ++k)
        out[k * stride_ + row] =
            q_[(std::size_t{tile.head} * shape_.tokens_q + tile.first_row + row) * shape_.head_dim +
               k];
    return out;
  }
  std::size_t token(const TileContext& tile, std::uint32_t key) const {
    return (std::size_t{tile.kv_head} * shape_.tokens_k + tile.first_key + key) * shape_.head_dim;
  }
  std::vector<float> key_tile(const TileContext& tile) const {
    const std::size_t stride = lane_stride(shape_.cols);
    std::vector<float> out(shape_.head_dim * stride, kNan);
    for (std::uint32_t key = 0; key < tile.cols; ++key)
      for (std::uint32_t k = 0; k < shape_.head_dim; ++k)
        out[k * stride + key] = k_[token(tile, key) + k];
    return out;
  }
  std::size_t value_stride() const { return lane_stride(shape_.head_dim); }
  std::vector<float> value_tile(const TileContext& tile) const {
    std::vector<float> out(shape_.cols * value_stride(), kNan);
    for (std::uint32_t key = 0; key < tile.cols; ++key)
      std::copy_n(&v_[token(tile, key)], shape_.head_dim, &out[key * value_stride()]);
    return out;
  }
  std::uint32_t passes() const { return ceil_div(shape_.head_dim, shape_.cols); }

  // Loads K and V of a step if they are not there yet; K is in its buffer at the returned cycle.
  void load_keys_and_values(std::size_t n) {
    const Step& step = steps_[n];
    const bool load_now = shape_.resident ? step.first_of_kv_head : true;
    if (!load_now) return;
    half_ = shape_.resident ? step.tile.kv_head % 2 : n % 2;
    std::uint64_t start = loaded_;
    if (shape_.resident) {
      start = std::max(start, array_free_);  // simpler than the real prefetch, and safe
    } else if (n >= 2) {
      start = std::max({start, score_end_[n - 2], value_end_[n - 2]});
    }
    const std::uint32_t tiles = shape_.resident ? ceil_div(shape_.tokens_k, shape_.cols) : 1;
    for (std::uint32_t i = 0; i < tiles; ++i) {
      TileContext tile = step.tile;
      if (shape_.resident) {
        tile.key_tile = i;
        tile.first_key = i * shape_.cols;
        tile.cols = std::min(shape_.cols, shape_.tokens_k - tile.first_key);
      }
      tile.half = half_;
      emit(kKeyWritten, tile, key_tile(tile), lane_stride(shape_.cols),
           {start, 1, 0, shape_.head_dim, 1});
      start += shape_.head_dim;
      emit(kValueWritten, tile, value_tile(tile), value_stride(),
           {start, passes(), tile.cols, tile.cols, 1});
      start += std::uint64_t{passes()} * tile.cols;
    }
    loaded_ = start;
  }

  void score_pass(std::size_t n) {
    const Step& step = steps_[n];
    TileContext tile = step.tile;
    const std::uint32_t query_half = step.query_index % 2;
    if (tile.first) {
      const std::uint64_t start = std::max(loaded_, query_end_[query_half]);
      TileContext written = tile;
      written.half = query_half;
      emit(kQueryWritten, written, query_tile(tile), stride_, {start, 1, 0, shape_.head_dim, 1});
      loaded_ = start + shape_.head_dim;
    }
    load_keys_and_values(n);
    TileContext key_context = tile;
    key_context.half = shape_.resident ? tile.kv_head % 2 : half_;
    const std::uint64_t start = std::max(array_free_, loaded_ + 1 + shape_.read_latency);
    array_free_ = start + std::max(shape_.head_dim, shape_.rows);
    score_end_.push_back(start + shape_.head_dim);
    query_end_[query_half] = start + shape_.head_dim;

    const std::vector<float> q = query_tile(tile), k = key_tile(tile);
    TileContext query_context = tile;
    query_context.half = query_half;
    emit(kQueryRead, query_context, q, stride_,
         {start - shape_.read_latency, 1, 0, shape_.head_dim, 1});
    emit(kKeyRead, key_context, k, lane_stride(shape_.cols),
         {start - shape_.read_latency, 1, 0, shape_.head_dim, 1});

    std::vector<float> s(shape_.cols * stride_, kNan);
    matmul_tile(q.data(), k.data(), s.data(), shape_.head_dim, tile.cols, tile.rows, stride_,
                lane_stride(shape_.cols));
    const BeatTiming score_beats{start + shape_.head_dim + shape_.cols + 2, 1, 0, tile.rows, 1};
    emit(kScores, tile, s, stride_, score_beats).handed_over = score_beats.last_cycle();
    softmax(n, s, score_beats);
  }

  void softmax(std::size_t n, const std::vector<float>& s, BeatTiming beats) {
    const TileContext& tile = steps_[n].tile;
    const std::uint64_t scored = beats.last_cycle();  // the unit works on whole tiles
    if (tile.first) {
      max_.assign(stride_, -std::numeric_limits<float>::infinity());
      sum_.assign(stride_, 0);
    }
    std::vector<std::int32_t> visible(stride_, 0);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      visible[row] = visible_columns(tile, row, shape_.causal, shape_.tokens_q, shape_.tokens_k);
    const CheckerDimensions dims = shape_.dimensions();
    std::vector<float> old_max = max_;
    p_[n].assign(shape_.cols * stride_, kNan);
    alpha_[n].assign(stride_, kNan);
    softmax_max(s.data(), visible.data(), dims.scale_log2e, old_max.data(), max_.data(), tile.cols,
                tile.rows, stride_);
    softmax_exp(s.data(), visible.data(), dims.scale_log2e, dims.exp2, shape_.probability,
                tile.first, old_max.data(), max_.data(), alpha_[n].data(), p_[n].data(), tile.cols,
                tile.rows, stride_);
    softmax_sum(p_[n].data(), alpha_[n].data(), sum_.data(), tile.cols, tile.rows, stride_);
    beats.first_cycle += kMaxLatency + kExpLatency + 1;  // written, then on the link
    probabilities_ready_.push_back(std::max(beats.first_cycle, scored) + shape_.read_latency);
    emit(kScalars, tile, alpha_[n], stride_, beats).handed_over = scored;
    if (!tile.last) return;
    beats.first_cycle += kSumLatency;
    StreamEvent& sums = emit(kScalars, tile, sum_, stride_, beats);
    sums.handed_over = scored;
    sums.sums = true;
    sums_.push_back(sum_);
    sums_ready_.push_back(beats.first_cycle + 1);
  }

  void value_pass(std::size_t n) {
    const Step& step = steps_[n];
    const TileContext& tile = step.tile;
    TileContext value_context = tile;
    value_context.half = shape_.resident ? tile.kv_head % 2 : static_cast<std::uint32_t>(n % 2);
    const std::uint32_t interval = std::max(tile.cols, shape_.rows);
    std::uint64_t start = std::max(array_free_, probabilities_ready_[n]);
    if (tile.first &&
        outputs_end_ >
            0) {  // the accumulator must have been read before the first P·V tile arrives
      const std::uint64_t arrival = tile.cols + 2;
      start = std::max({start, outputs_handed_ + 1 + shape_.read_latency,
                        outputs_end_ > arrival ? outputs_end_ - arrival + 1 : 0});
    }
    const std::uint64_t last_pass = start + std::uint64_t{passes() - 1} * interval;
    array_free_ = last_pass + interval;
    value_end_.push_back(last_pass + tile.cols);

    const std::vector<float> v = value_tile(tile);
    emit(kValueRead, value_context, v, value_stride(),
         {start - shape_.read_latency, passes(), interval, tile.cols, 1});
    emit(kProbabilities, tile, p_[n], stride_, {last_pass, 1, 0, tile.cols, 1}).handed_over =
        start - shape_.read_latency;
    std::vector<float> pv(shape_.head_dim * stride_, kNan);
    matmul_tile(p_[n].data(), v.data(), pv.data(), tile.cols, shape_.head_dim, tile.rows, stride_,
                value_stride());
    const std::uint64_t delivered = start + tile.cols + shape_.cols + 2;
    const BeatTiming partials{delivered, passes(), interval, tile.rows, 1};
    emit(kPartials, tile, pv, stride_, partials).handed_over = partials.last_cycle();

    if (tile.first) acc_.assign(shape_.head_dim * stride_, 0);
    rescale_add(acc_.data(), alpha_[n].data(), pv.data(), shape_.head_dim, tile.rows, stride_);
    if (tile.last)
      normalise_outputs(step, tile, delivered + std::uint64_t{passes() - 1} * interval);
  }

  void normalise_outputs(const Step& step, const TileContext& tile, std::uint64_t accumulated) {
    const std::size_t size = shape_.head_dim * stride_;
    std::vector<float> out(2 * size + stride_, kNan);
    std::copy(acc_.begin(), acc_.end(), out.begin());
    reciprocals(sums_[step.query_index].data(), &out[2 * size], tile.rows);
    normalise(out.data(), &out[2 * size], &out[size], shape_.head_dim, tile.rows, stride_);
    const std::uint64_t start = std::max(
        {accumulated + 2, sums_ready_[step.query_index] + kDivideLatency, outputs_end_ + 1});
    const BeatTiming timing{start, passes(), 1, tile.rows, passes()};
    outputs_end_ = timing.last_cycle();
    outputs_handed_ = accumulated + tile.rows - 1;
    emit(kOutputs, tile, out, stride_, timing).handed_over = outputs_handed_;
  }

  StreamShape shape_;
  std::size_t stride_;
  std::vector<float> q_, k_, v_;
  std::vector<Step> steps_;
  std::vector<StreamEvent> events_;
  std::vector<std::vector<float>> p_, alpha_, sums_;
  std::vector<float> max_, sum_, acc_;
  std::vector<std::uint64_t> score_end_, value_end_, probabilities_ready_, sums_ready_;
  std::array<std::uint64_t, 2> query_end_{0, 0};
  std::uint32_t half_ = 0;
  std::uint64_t loaded_ = 5, array_free_ = 0, outputs_handed_ = 0, outputs_end_ = 0;
};

}  // namespace

StreamShape ragged_shape() {
  StreamShape shape;
  shape.rows = 4;
  shape.cols = 5;
  shape.head_dim = 12;
  shape.heads = shape.kv_heads = 2;
  shape.tokens_q = 10;
  shape.tokens_k = 17;
  shape.causal = true;
  return shape;
}

CheckerDimensions StreamShape::dimensions() const {
  CheckerDimensions dims;
  dims.rows = rows;
  dims.cols = cols;
  dims.head_dim = head_dim;
  dims.tokens_q = tokens_q;
  dims.tokens_k = tokens_k;
  dims.causal = causal;
  dims.max_latency_cycles = kMaxLatency;
  dims.exp_latency_cycles = kExpLatency;
  dims.sum_latency_cycles = kSumLatency;
  dims.divide_latency_cycles = kDivideLatency;
  dims.key_tiles = ceil_div(tokens_k, cols);
  dims.resident = resident;
  dims.scale_log2e =
      static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(head_dim)));
  dims.probability = probability;
  dims.output = output;
  dims.stride = lane_stride(rows);
  return dims;
}

std::vector<StreamEvent> make_stream(const StreamShape& shape) { return Scheduler(shape).run(); }

void play(const std::vector<StreamEvent>& stream, Checker& checker) {
  const std::uint32_t needs = checker.needs();
  for (const StreamEvent& event : stream) {
    if ((needs & event.kind) == 0) continue;
    switch (event.kind) {
      case kQueryWritten:
        checker.query_written(event.observed());
        break;
      case kQueryRead:
        checker.query_read(event.observed());
        break;
      case kKeyWritten:
        checker.key_written(event.observed());
        break;
      case kKeyRead:
        checker.key_read(event.observed());
        break;
      case kValueWritten:
        checker.value_written(event.observed());
        break;
      case kValueRead:
        checker.value_read(event.observed());
        break;
      case kScores:
        checker.scores(event.observed());
        break;
      case kProbabilities:
        checker.probabilities(event.observed());
        break;
      case kScalars:
        if (event.sums)
          checker.sums(event.observed());
        else
          checker.alphas(event.observed());
        break;
      case kPartials:
        checker.partials(event.observed());
        break;
      case kOutputs:
        checker.outputs(event.observed());
        break;
      case kCodeErrors:  // no stream has buffers
        break;
    }
  }
}

std::size_t CheckList::alarms(std::uint32_t comparison) const {
  return static_cast<std::size_t>(std::count_if(
      checks.begin(), checks.end(),
      [comparison](const Check& check) { return check.alarm && check.comparison == comparison; }));
}
std::size_t CheckList::alarms() const {
  return static_cast<std::size_t>(
      std::count_if(checks.begin(), checks.end(), [](const Check& check) { return check.alarm; }));
}
double CheckList::worst_ratio(std::uint32_t comparison) const {
  double worst = 0;
  for (const Check& check : checks)
    if (check.comparison == comparison) worst = std::max(worst, check.residual / check.scale);
  return worst;
}

CheckList run_checker(const std::vector<StreamEvent>& stream, Checker& checker, LiveLog& log) {
  CheckList list;
  checker.connect(list, log);
  checker.reset();
  play(stream, checker);
  return list;
}
CheckList run_checker(const std::vector<StreamEvent>& stream, Checker& checker) {
  LiveLog log;
  return run_checker(stream, checker, log);
}

}  // namespace attnguard
