#include "natkit/netsim/draw.h"

#include <algorithm>
#include <sstream>

#include "natkit/base/text.h"
#include "scenario/units.h"

namespace natkit::netsim {
namespace {

// Pixels.
constexpr int kMaxWidth = 1360;  // of what stands side by side
constexpr int kMinBoxWidth = 128;
constexpr int kLetterWidth = 7;  // of the bold text, about
constexpr int kPadding = 8;
constexpr int kLineHeight = 14;
constexpr int kGap = 14;
constexpr int kBarHeight = 38;
constexpr int kDrop = 20;
constexpr int kSpine = 16;  // left of rows, for the line that joins them
constexpr int kMargin = 20;
constexpr int kTitleHeight = 34;

// What does not fit into a box in few lines.
constexpr size_t kMostAddresses = 3;
constexpr size_t kMostForwards = 6;

/// Every selector starts with the image's class, so that an HTML page may
/// contain the image as it is.
constexpr std::string_view kStyle =
    "<style>\n"
    ".netsim-map text{font-family:system-ui,sans-serif;text-anchor:middle;"
    "fill:#1c2733}\n"
    ".netsim-map .title{font-size:16px;font-weight:600;text-anchor:start}\n"
    ".netsim-map .name{font-size:12px;font-weight:600}\n"
    ".netsim-map .detail{font-size:11px;fill:#4a5a6a}\n"
    ".netsim-map .network{fill:#d9e8f6;stroke:#6f9cc6}\n"
    ".netsim-map .host{fill:#f6f9fb;stroke:#8fa3b5}\n"
    ".netsim-map .nat{fill:#fdebd0;stroke:#d79a43}\n"
    ".netsim-map .router{fill:#e3f3e3;stroke:#6fae6f}\n"
    ".netsim-map .cable{stroke:#8fa3b5;stroke-width:1.5}\n"
    "</style>\n";

/// "20ms+5ms, 5% loss, 10Mbit"; empty for a perfect wire.
std::string DescribeLink(const LinkConfig& link) {
  const LinkConfig perfect;
  std::ostringstream out;
  const auto add = [&out](bool is_there, const auto&... parts) {
    if (is_there) {
      out << (out.view().empty() ? "" : ", ");
      (out << ... << parts);
    }
  };
  const bool has_jitter = link.jitter != Duration::zero();
  add(link.delay != Duration::zero() || has_jitter, FormatDuration(link.delay),
      has_jitter ? "+" + FormatDuration(link.jitter) : "");
  add(link.loss > 0, link.loss * 100, "% loss");
  add(link.duplicate > 0, link.duplicate * 100, "% twice");
  add(link.reorder > 0, link.reorder * 100, "% late");
  add(link.rate != 0, FormatRate(link.rate));
  add(link.queue_bytes != perfect.queue_bytes, "queue ", link.queue_bytes);
  add(link.mtu != perfect.mtu, "MTU ", link.mtu);
  return out.str();
}

using Lines = std::vector<std::string>;

/// The lines about a member's cable; none if it is a perfect wire, or if it has
/// what its network says.
void AddCable(const Scenario& scenario, std::string_view member,
              std::string_view network, std::string_view title, Lines& lines) {
  for (const Cable& cable : scenario.cables) {
    if (cable.member != member || cable.network != network) {
      continue;
    }
    const std::string up = DescribeLink(cable.up);
    const std::string down = DescribeLink(cable.down);
    const std::string before = title.empty() ? "" : std::string(title) + ": ";
    if (up == down) {
      lines.push_back(before + (up.empty() ? "perfect wire" : up));
      continue;
    }
    if (!up.empty()) {
      lines.push_back(before + "up " + up);
    }
    if (!down.empty()) {
      lines.push_back(before + "down " + down);
    }
  }
}

Lines LinesOf(const Scenario& scenario, const Host& host) {
  Lines lines = {host.name, host.address.ToString()};
  if (host.address6) {
    lines.push_back(host.address6->ToString());
  }
  AddCable(scenario, host.name, host.network, "", lines);
  return lines;
}

void AddPool(const Nat& nat, Lines& lines) {
  const std::vector<IpAddress>& pool = nat.addresses;
  if (pool.size() > kMostAddresses) {
    lines.push_back(pool.front().ToString() + " .. " + pool.back().ToString());
    lines.push_back(std::to_string(pool.size()) + " addresses");
    return;
  }
  for (const IpAddress& address : pool) {
    lines.push_back(address.ToString());
  }
}

void AddForwards(const Nat& nat, Lines& lines) {
  const std::vector<StaticForward>& forwards = nat.config.forwards;
  const size_t shown =
      forwards.size() > kMostForwards ? kMostForwards - 1 : forwards.size();
  for (size_t i = 0; i < shown; ++i) {
    lines.push_back((forwards[i].protocol == 6 ? "tcp " : "udp ") +
                    std::to_string(forwards[i].external_port) + " > " +
                    forwards[i].inside.ToString());
  }
  if (shown < forwards.size()) {
    lines.push_back("and " + std::to_string(forwards.size() - shown) +
                    " more forwards");
  }
}

Lines LinesOf(const Scenario& scenario, const Nat& nat) {
  Lines lines = {nat.name, nat.profile};
  AddPool(nat, lines);
  AddForwards(nat, lines);
  AddCable(scenario, nat.name, nat.outside, "outside", lines);
  AddCable(scenario, nat.name, nat.inside, "inside", lines);
  return lines;
}

int WidthOf(const Lines& lines) {
  size_t longest = 0;
  for (const std::string& line : lines) {
    longest = std::max(longest, line.size());
  }
  return std::max(kMinBoxWidth,
                  static_cast<int>(longest) * kLetterWidth + 2 * kPadding);
}

struct Rect {
  int x, y, width, height;
  std::string_view style;
  Lines lines;
};

struct Wire {
  int x1, y1, x2, y2;
};

/// A part of the drawing, with its upper left corner at 0, 0.
struct Block {
  int width = 0;
  int height = 0;
  int plug = 0;  ///< x where its cable comes from above
  std::vector<Rect> rects;
  std::vector<Wire> wires;

  void Add(const Block& part, int x, int y) {
    for (Rect rect : part.rects) {
      rect.x += x;
      rect.y += y;
      rects.push_back(std::move(rect));
    }
    for (const Wire& wire : part.wires) {
      wires.push_back({wire.x1 + x, wire.y1 + y, wire.x2 + x, wire.y2 + y});
    }
    width = std::max(width, x + part.width);
    height = std::max(height, y + part.height);
  }
};

Block MakeBox(std::string_view style, Lines lines) {
  Block block;
  block.width = WidthOf(lines);
  block.height =
      static_cast<int>(lines.size()) * kLineHeight + 2 * kPadding - 4;
  block.plug = block.width / 2;
  block.rects.push_back(
      {0, 0, block.width, block.height, style, std::move(lines)});
  return block;
}

/// Where the rows of some blocks begin: as many side by side as fit.
std::vector<std::vector<const Block*>> Wrap(const std::vector<Block>& blocks,
                                            int max_width) {
  std::vector<std::vector<const Block*>> rows;
  int x = 0;
  for (const Block& block : blocks) {
    if (rows.empty() || x + block.width > max_width) {
      rows.emplace_back();
      x = 0;
    }
    rows.back().push_back(&block);
    x += block.width + kGap;
  }
  return rows;
}

class Layout {
 public:
  explicit Layout(const Scenario& scenario) : scenario_(scenario) {}

  /// A network, its members, and all that is behind them.
  [[nodiscard]] Block OfNetwork(const Network& network, int max_width) const;
  /// A box and what is behind it.
  [[nodiscard]] Block OfNat(const Nat& nat, int max_width) const;

 private:
  const Scenario& scenario_;
};

/// The bar of the network, and rows of members below. The first row hangs from
/// the bar; a spine on the left leads to the others.
Block Layout::OfNetwork(const Network& network, int max_width) const {
  const int inner = std::max(max_width - kSpine, kMinBoxWidth);
  std::vector<Block> members;
  for (const Host& host : scenario_.hosts) {
    if (host.network == network.name) {
      members.push_back(MakeBox("host", LinesOf(scenario_, host)));
    }
  }
  for (const Nat& nat : scenario_.nats) {
    if (nat.outside == network.name) {
      members.push_back(OfNat(nat, inner));
    }
  }
  const std::string link = DescribeLink(network.link);
  const Lines lines = {
      network.name, network.cidr.ToString() +
                        (network.cidr6 ? " " + network.cidr6->ToString() : "") +
                        (link.empty() ? "" : " · " + link)};
  Block block;
  block.width = WidthOf(lines);
  const auto rows = Wrap(members, inner);
  const int indent = rows.size() > 1 ? kSpine : 0;
  int y = kBarHeight;
  for (const auto& row : rows) {
    const int bus = &row == &rows.front() ? kBarHeight : y + kDrop / 2;
    const int top = y + kDrop;
    int x = indent;
    int last_plug = 0;
    for (const Block* member : row) {
      block.Add(*member, x, top);
      last_plug = x + member->plug;
      block.wires.push_back({last_plug, bus, last_plug, top});
      x += member->width + kGap;
    }
    if (&row != &rows.front()) {
      block.wires.push_back({kSpine / 2, bus, last_plug, bus});
      if (&row == &rows.back()) {
        block.wires.push_back({kSpine / 2, kBarHeight, kSpine / 2, bus});
      }
    }
    y = block.height;
  }
  block.height = std::max(block.height, kBarHeight);
  block.plug = block.width / 2;
  block.rects.push_back({0, 0, block.width, kBarHeight, "network", lines});
  return block;
}

Block Layout::OfNat(const Nat& nat, int max_width) const {
  const Block box =
      MakeBox(nat.Translates() ? "nat" : "router", LinesOf(scenario_, nat));
  const Block inside = OfNetwork(*scenario_.FindNetwork(nat.inside), max_width);
  Block block;
  const int width = std::max(box.width, inside.width);
  const int box_x = (width - box.width) / 2;
  const int inside_x = (width - inside.width) / 2;
  block.plug = box_x + box.plug;
  block.Add(box, box_x, 0);
  block.Add(inside, inside_x, box.height + kDrop);
  block.wires.push_back(
      {block.plug, box.height, block.plug, box.height + kDrop});
  return block;
}

void WriteRect(const Rect& rect, std::ostream& out) {
  out << "<rect x=\"" << rect.x << "\" y=\"" << rect.y << "\" width=\""
      << rect.width << "\" height=\"" << rect.height << "\" rx=\""
      << (rect.style == "network" ? 12 : 6) << "\" class=\"" << rect.style
      << "\"/>\n";
  int baseline = rect.y + kPadding + 8;
  std::string_view style = "name";
  for (const std::string& line : rect.lines) {
    out << "<text x=\"" << rect.x + rect.width / 2 << "\" y=\"" << baseline
        << "\" class=\"" << style << "\">" << EscapeXml(line) << "</text>\n";
    baseline += kLineHeight;
    style = "detail";
  }
}

}  // namespace

std::string DrawSvg(const Scenario& scenario) {
  std::vector<Block> tops;
  for (const Network& network : scenario.networks) {
    if (scenario.UplinkOf(network.name) == nullptr) {
      tops.push_back(Layout(scenario).OfNetwork(network, kMaxWidth));
    }
  }
  Block all;
  int y = kMargin + kTitleHeight;
  for (const auto& row : Wrap(tops, kMaxWidth)) {
    int x = kMargin;
    for (const Block* top : row) {
      all.Add(*top, x, y);
      x += top->width + kGap;
    }
    y = all.height + 2 * kGap;
  }
  const int width = all.width + kMargin;
  const int height = all.height + kMargin;
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"netsim-map\" "
         "viewBox=\"0 0 "
      << width << ' ' << height << "\" width=\"" << width << "\" height=\""
      << height
      << "\" style=\"max-width:100%;height:auto\" role=\"img\" "
         "aria-label=\"network topology\">\n"
      << kStyle << "<rect width=\"" << width << "\" height=\"" << height
      << "\" fill=\"#ffffff\"/>\n"
      << "<text x=\"" << kMargin << "\" y=\"" << kMargin + 12
      << "\" class=\"title\">" << EscapeXml(scenario.name) << "</text>\n";
  for (const Wire& wire : all.wires) {
    out << "<line x1=\"" << wire.x1 << "\" y1=\"" << wire.y1 << "\" x2=\""
        << wire.x2 << "\" y2=\"" << wire.y2 << "\" class=\"cable\"/>\n";
  }
  for (const Rect& rect : all.rects) {
    WriteRect(rect, out);
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace natkit::netsim
