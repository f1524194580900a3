#include "natkit/netsim/draw.h"

#include <algorithm>
#include <sstream>

#include "scenario/units.h"

namespace natkit::netsim {
namespace {

// Pixels.
constexpr int kMinBoxWidth = 128;
constexpr int kLetterWidth = 7;  // of the bold text, about
constexpr int kBoxHeight = 52;
constexpr int kGap = 14;
constexpr int kBarHeight = 38;
constexpr int kDrop = 26;
constexpr int kMargin = 20;
constexpr int kTitleHeight = 34;

/// Every selector starts with the image's class, so that an HTML page may
/// contain the image as it is.
constexpr std::string_view kStyle =
    "<style>\n"
    ".netsim-map text{font-family:system-ui,sans-serif;text-anchor:middle;"
    "fill:#1c2733}\n"
    ".netsim-map .title{font-size:16px;font-weight:600;text-anchor:start}\n"
    ".netsim-map .name{font-size:12px;font-weight:600}\n"
    ".netsim-map .detail{font-size:11px;fill:#4a5a6a}\n"
    ".netsim-map .label{text-anchor:start}\n"
    ".netsim-map .network{fill:#d9e8f6;stroke:#6f9cc6}\n"
    ".netsim-map .host{fill:#f6f9fb;stroke:#8fa3b5}\n"
    ".netsim-map .nat{fill:#fdebd0;stroke:#d79a43}\n"
    ".netsim-map .router{fill:#e3f3e3;stroke:#6fae6f}\n"
    ".netsim-map .cable{stroke:#8fa3b5;stroke-width:1.5}\n"
    "</style>\n";

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// One width for all boxes: the longest name fits.
int BoxWidth(const Scenario& scenario) {
  size_t longest = 0;
  const auto consider = [&longest](const auto& items) {
    for (const auto& item : items) {
      longest = std::max(longest, item.name.size());
    }
  };
  consider(scenario.networks);
  consider(scenario.hosts);
  consider(scenario.nats);
  const int needed = (static_cast<int>(longest) + 2) * kLetterWidth;
  return std::max(kMinBoxWidth, needed);
}

class Drawing {
 public:
  explicit Drawing(const Scenario& scenario)
      : scenario_(scenario), box_width_(BoxWidth(scenario)) {}

  std::string Draw();

 private:
  [[nodiscard]] int WidthOf(const Network& network) const;
  [[nodiscard]] int WidthBelow(const Nat& nat) const;
  void DrawNetwork(const Network& network, int x, int y);
  void DrawBar(const Network& network, int x, int y);
  void DrawBox(std::string_view style, int x, int y,
               const std::vector<std::string>& lines);
  void DrawCable(int x, int top, int bottom);
  /// Beside a cable: what it does to packets, if it is not perfect.
  void DrawLinkLabel(std::string_view member, std::string_view network, int x,
                     int y);

  const Scenario& scenario_;
  int box_width_;
  std::ostringstream svg_;
  int right_ = 0;
  int bottom_ = 0;
};

int Drawing::WidthBelow(const Nat& nat) const {
  return std::max(box_width_, WidthOf(*scenario_.FindNetwork(nat.inside)));
}

int Drawing::WidthOf(const Network& network) const {
  int width = 0;
  for (const Host& host : scenario_.hosts) {
    width += host.network == network.name ? box_width_ + kGap : 0;
  }
  for (const Nat& nat : scenario_.nats) {
    width += nat.outside == network.name ? WidthBelow(nat) + kGap : 0;
  }
  return std::max(box_width_, width - kGap);
}

void Drawing::DrawCable(int x, int top, int bottom) {
  svg_ << "<line x1=\"" << x << "\" y1=\"" << top << "\" x2=\"" << x
       << "\" y2=\"" << bottom << "\" class=\"cable\"/>\n";
}

/// "20ms ±5ms, 5% loss, 10Mbit"; empty for a perfect wire.
std::string DescribeLink(const LinkConfig& link) {
  std::string text;
  const auto add = [&text](const std::string& part) {
    text += (text.empty() ? "" : ", ") + part;
  };
  if (link.delay != Duration::zero() || link.jitter != Duration::zero()) {
    add(FormatDuration(link.delay) + (link.jitter == Duration::zero()
                                          ? ""
                                          : "+" + FormatDuration(link.jitter)));
  }
  if (link.loss > 0) {
    std::ostringstream percent;
    percent << link.loss * 100 << "% loss";
    add(percent.str());
  }
  if (link.rate != 0) {
    add(FormatRate(link.rate));
  }
  return text.empty() && !link.is_perfect() ? "impaired" : text;
}

void Drawing::DrawLinkLabel(std::string_view member, std::string_view network,
                            int x, int y) {
  const auto cable =
      std::ranges::find_if(scenario_.cables, [&](const Cable& candidate) {
        return candidate.member == member && candidate.network == network;
      });
  if (cable == scenario_.cables.end()) {
    return;
  }
  const std::string up = DescribeLink(cable->up);
  const std::string down = DescribeLink(cable->down);
  std::string label = up;
  if (up != down) {
    label = (up.empty() ? "" : "up " + up) +
            (up.empty() || down.empty() ? "" : "; ") +
            (down.empty() ? "" : "down " + down);
  }
  svg_ << "<text x=\"" << x + 6 << "\" y=\"" << y
       << "\" class=\"detail label\">" << Escape(label) << "</text>\n";
}

void Drawing::DrawBar(const Network& network, int x, int y) {
  const int width = WidthOf(network);
  svg_ << "<rect x=\"" << x << "\" y=\"" << y << "\" width=\"" << width
       << "\" height=\"" << kBarHeight << "\" rx=\"12\" class=\"network\"/>\n"
       << "<text x=\"" << x + width / 2 << "\" y=\"" << y + 16
       << "\" class=\"name\">" << Escape(network.name) << "</text>\n"
       << "<text x=\"" << x + width / 2 << "\" y=\"" << y + 30
       << "\" class=\"detail\">" << network.cidr.ToString()
       << (network.link.is_perfect() ? "" : " · " + DescribeLink(network.link))
       << "</text>\n";
  right_ = std::max(right_, x + width);
  bottom_ = std::max(bottom_, y + kBarHeight);
}

void Drawing::DrawBox(std::string_view style, int x, int y,
                      const std::vector<std::string>& lines) {
  svg_ << "<rect x=\"" << x << "\" y=\"" << y << "\" width=\"" << box_width_
       << "\" height=\"" << kBoxHeight << "\" rx=\"6\" class=\"" << style
       << "\"/>\n";
  int baseline = y + (lines.size() > 2 ? 16 : 22);
  std::string_view text_style = "name";
  for (const std::string& line : lines) {
    svg_ << "<text x=\"" << x + box_width_ / 2 << "\" y=\"" << baseline
         << "\" class=\"" << text_style << "\">" << Escape(line) << "</text>\n";
    baseline += 14;
    text_style = "detail";
  }
  bottom_ = std::max(bottom_, y + kBoxHeight);
}

void Drawing::DrawNetwork(const Network& network, int x, int y) {
  DrawBar(network, x, y);
  const int box_y = y + kBarHeight + kDrop;
  for (const Host& host : scenario_.hosts) {
    if (host.network == network.name) {
      DrawCable(x + box_width_ / 2, y + kBarHeight, box_y);
      DrawLinkLabel(host.name, network.name, x + box_width_ / 2, box_y - 9);
      DrawBox("host", x, box_y, {host.name, host.address.ToString()});
      x += box_width_ + kGap;
    }
  }
  for (const Nat& nat : scenario_.nats) {
    if (nat.outside != network.name) {
      continue;
    }
    const Network& inside = *scenario_.FindNetwork(nat.inside);
    const int width = WidthBelow(nat);
    const int box_x = x + (width - box_width_) / 2;
    DrawCable(box_x + box_width_ / 2, y + kBarHeight, box_y);
    DrawLinkLabel(nat.name, network.name, box_x + box_width_ / 2, box_y - 9);
    DrawBox(nat.Translates() ? "nat" : "router", box_x, box_y,
            {nat.name, nat.profile, nat.addresses.front().ToString()});
    const int inside_y = box_y + kBoxHeight + kDrop;
    DrawCable(box_x + box_width_ / 2, box_y + kBoxHeight, inside_y);
    DrawLinkLabel(nat.name, inside.name, box_x + box_width_ / 2, inside_y - 9);
    DrawNetwork(inside, x + (width - WidthOf(inside)) / 2, inside_y);
    x += width + kGap;
  }
}

std::string Drawing::Draw() {
  int x = kMargin;
  for (const Network& network : scenario_.networks) {
    if (scenario_.UplinkOf(network.name) == nullptr) {
      DrawNetwork(network, x, kMargin + kTitleHeight);
      x = right_ + 3 * kGap;
    }
  }
  const int width = right_ + kMargin;
  const int height = bottom_ + kMargin;
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
      << "\" class=\"title\">" << Escape(scenario_.name) << "</text>\n"
      << svg_.str() << "</svg>\n";
  return out.str();
}

}  // namespace

std::string DrawSvg(const Scenario& scenario) {
  return Drawing(scenario).Draw();
}

}  // namespace natkit::netsim
