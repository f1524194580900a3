#include "natkit/nat/port_prediction.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "punch/port_pattern.h"

namespace natkit::nat {
namespace {

/// Samples with one answer per mapping, and the endpoints of all answers.
std::vector<PortSample> Newest(std::span<const PortSample> samples) {
  const size_t count = std::min(samples.size(), kMaxPortSamples);
  const auto newest = samples.last(count);
  return {newest.begin(), newest.end()};
}

/// Whether each socket that was used twice kept one endpoint.
bool IsConstant(std::span<const PortSample> samples) {
  std::map<Endpoint, Endpoint> mapped;
  size_t repeats = 0;
  std::optional<IpAddress> server;
  bool has_two_servers = false;
  for (const PortSample& sample : samples) {
    if (!sample.mapped) {
      continue;
    }
    const auto [known, is_new] = mapped.emplace(sample.local, *sample.mapped);
    if (!is_new && known->second != *sample.mapped) {
      return false;
    }
    repeats += is_new ? 0 : 1;
    has_two_servers =
        has_two_servers || (server && *server != sample.server.address);
    server = sample.server.address;
  }
  // An address-dependent mapping shows only to another address.
  return repeats + 1 >= kMinPortSamples && has_two_servers;
}

/// An address-dependent mapping answers the same to all ports of one server:
/// that is one sample, not several.
std::vector<PortSample> WithoutRepeats(std::span<const PortSample> samples) {
  std::vector<PortSample> out;
  for (const PortSample& sample : samples) {
    const bool is_repeat =
        sample.mapped &&
        std::ranges::any_of(out, [&sample](const PortSample& other) {
          return other.mapped == sample.mapped && other.local == sample.local;
        });
    if (!is_repeat) {
      out.push_back(sample);
    }
  }
  return out;
}

std::vector<PortArea> WholeAreas(std::span<const PortSample> samples,
                                 const PortRange& range) {
  std::vector<PortArea> areas;
  for (const PortSample& sample : samples) {
    if (sample.mapped && areas.size() < kMaxPortAreas &&
        std::ranges::find(areas, sample.mapped->address, &PortArea::address) ==
            areas.end()) {
      areas.push_back({sample.mapped->address, range});
    }
  }
  std::ranges::sort(areas, {}, &PortArea::address);
  return areas;
}

PortForecast Constant(std::span<const PortSample> samples,
                      const Endpoint& last) {
  PortForecast forecast{.is_constant = true, .last = last};
  const bool keeps_ports =
      std::ranges::all_of(samples, [](const PortSample& sample) {
        return !sample.mapped || sample.mapped->port == sample.local.port;
      });
  forecast.pattern =
      keeps_ports ? AllocationPattern::kPreserved : AllocationPattern::kRandom;
  forecast.areas = {{last.address, {last.port, last.port}}};
  forecast.confidence = 1;
  return forecast;
}

/// `step` and the rest of a sequential forecast; false if there is no sequence.
bool TakeSequence(std::span<const PortSample> samples, PortForecast& forecast) {
  const auto sequence = FindSequence(samples);
  if (!sequence) {
    return false;
  }
  forecast.pattern = AllocationPattern::kSequential;
  forecast.step = sequence->step;
  forecast.foreign_rate = sequence->foreign_rate;
  forecast.confidence = sequence->confidence;
  forecast.areas = {{forecast.last.address, sequence->range}};
  return true;
}

uint32_t Forward(uint32_t at, int step, const PortRange& range) {
  const auto size = static_cast<int64_t>(range.size());
  const int64_t offset = static_cast<int64_t>(at) - range.first + step;
  return range.first + static_cast<uint32_t>((offset % size + size) % size);
}

std::vector<Endpoint> FollowSequence(const PortForecast& forecast,
                                     uint32_t count) {
  const PortRange& range = forecast.areas.front().ports;
  std::vector<Endpoint> out;
  uint32_t port = forecast.last.port;
  for (uint32_t i = 0; i < count && i < range.size(); ++i) {
    port = Forward(port, forecast.step, range);
    out.push_back({forecast.last.address, static_cast<uint16_t>(port)});
  }
  return out;
}

/// The i-th endpoint of all areas, one after the other.
Endpoint EndpointAt(const PortForecast& forecast, uint32_t index) {
  for (const PortArea& area : forecast.areas) {
    if (index < area.ports.size()) {
      return {area.address, static_cast<uint16_t>(area.ports.first + index)};
    }
    index -= area.ports.size();
  }
  return {};
}

}  // namespace

uint32_t PortForecast::candidates() const {
  return std::accumulate(areas.begin(), areas.end(), 0U,
                         [](uint32_t sum, const PortArea& area) {
                           return sum + area.ports.size();
                         });
}

PortAllocation PortForecast::allocation() const {
  return {.pattern = pattern,
          .step = pattern == AllocationPattern::kSequential ? step : 0,
          .range = areas.empty() ? PortRange{} : areas.front().ports};
}

std::optional<PortForecast> ForecastPorts(std::span<const PortSample> samples) {
  const std::vector<PortSample> newest = Newest(samples);
  const auto answered = [](const PortSample& sample) {
    return sample.mapped.has_value();
  };
  if (static_cast<size_t>(std::ranges::count_if(newest, answered)) <
      kMinPortSamples) {
    return std::nullopt;
  }
  const Endpoint last =
      *std::ranges::find_if(newest.rbegin(), newest.rend(), answered)->mapped;
  if (IsConstant(newest)) {
    return Constant(newest, last);
  }
  const std::vector<PortSample> distinct = WithoutRepeats(newest);
  if (std::ranges::count_if(distinct, answered) < 2) {
    return std::nullopt;  // one mapping, and one server's word for it
  }
  PortForecast forecast{.last = last};
  if (TakeSequence(distinct, forecast)) {
    return forecast;
  }
  if (auto block = FindBlocks(distinct)) {
    forecast.pattern = AllocationPattern::kBlock;
    forecast.areas = std::move(block->areas);
    forecast.confidence = block->confidence;
    return forecast;
  }
  forecast.areas = WholeAreas(distinct, FindRange(distinct));
  return forecast;
}

uint32_t SequenceWindow(double foreign_rate, Duration gap) {
  const double seconds = std::chrono::duration<double>(gap).count();
  const double window = 2 * std::max(foreign_rate, 0.0) * seconds + 5;
  return static_cast<uint32_t>(std::clamp(window, 5.0, 256.0));
}

std::vector<Endpoint> EndpointsToProbe(const PortForecast& forecast,
                                       uint32_t count, Rng& rng) {
  if (forecast.areas.empty() || count == 0) {
    return {};
  }
  if (forecast.is_constant) {
    return {forecast.last};
  }
  if (forecast.pattern == AllocationPattern::kSequential) {
    return FollowSequence(forecast, count);
  }
  // The first `count` places of a random permutation, of which only what was
  // moved is stored.
  const uint32_t total = forecast.candidates();
  std::map<uint32_t, uint32_t> moved;
  std::vector<Endpoint> out;
  for (uint32_t i = 0; i < std::min(count, total); ++i) {
    const uint32_t drawn = i + static_cast<uint32_t>(rng.Below(total - i));
    const auto at = moved.find(drawn);
    const uint32_t index = at == moved.end() ? drawn : at->second;
    const auto here = moved.find(i);
    moved[drawn] = here == moved.end() ? i : here->second;
    out.push_back(EndpointAt(forecast, index));
  }
  return out;
}

}  // namespace natkit::nat
