#include "run/engine_commands.h"

#include <sstream>
#include <utility>

#include "run/event_names.h"
#include "run/member_view.h"
#include "scenario/link_settings.h"
#include "scenario/units.h"

namespace natkit::netsim {
namespace {

std::unexpected<Failure> Refuse(std::string text) {
  return std::unexpected(Failure{std::move(text)});
}

/// One request at work.
class Command {
 public:
  Command(const FabricPlan& plan, Fabric& fabric, Instant now,
          std::vector<std::string> words)
      : plan_(plan), fabric_(fabric), now_(now), words_(std::move(words)) {}

  Outcome<std::string> Run();

 private:
  Outcome<std::string> OnBox(EventKind kind, size_t box);
  Outcome<std::string> Readdress(size_t box);
  Outcome<std::string> Blackhole(const std::vector<size_t>& ports);
  Outcome<std::string> SetLink(const std::vector<size_t>& ports);

  [[nodiscard]] std::string Word(size_t index) const {
    return index < words_.size() ? words_[index] : std::string();
  }

  const FabricPlan& plan_;
  Fabric& fabric_;
  Instant now_;
  std::vector<std::string> words_;
};

Outcome<std::string> Command::Run() {
  const std::string member = Word(1);
  if (Word(0) == "show") {
    const auto view = ViewMember(plan_, fabric_, now_, member);
    return view ? Outcome<std::string>(FormatView(*view))
                : Refuse("'" + member + "' has no part in the engine process");
  }
  const auto kind = FindEventKind(Word(0));
  if (!kind) {
    return Refuse("unknown request '" + Word(0) + "'");
  }
  if (*kind == EventKind::kBlackhole || *kind == EventKind::kSetLink) {
    const std::string network = Word(2) == "*" ? "" : Word(2);
    const std::vector<size_t> ports = plan_.FindPorts(member, network);
    if (ports.empty()) {
      return Refuse("the engine process has no cable of '" + member + "'" +
                    (network.empty() ? "" : " on '" + network + "'"));
    }
    return *kind == EventKind::kBlackhole ? Blackhole(ports) : SetLink(ports);
  }
  const auto box = plan_.FindBox(member);
  return box ? OnBox(*kind, *box)
             : Refuse("'" + member + "' is no box of the engine process");
}

Outcome<std::string> Command::OnBox(EventKind kind, size_t box) {
  const size_t outside = plan_.config.boxes[box].ports[1];
  switch (kind) {
    case EventKind::kReboot:
      fabric_.Reboot(now_, box, std::nullopt);
      break;
    case EventKind::kReaddress:
      return Readdress(box);
    case EventKind::kBlockUdp:
    case EventKind::kUnblockUdp:
      fabric_.SetUdpBlocked(box, kind == EventKind::kBlockUdp);
      break;
    case EventKind::kLinkDown:
    case EventKind::kLinkUp:
      fabric_.SetPlugged(outside, kind == EventKind::kLinkUp);
      break;
    case EventKind::kBlackhole:
    case EventKind::kSetLink:
      break;
  }
  return {};
}

Outcome<std::string> Command::Readdress(size_t box) {
  const auto address = IpAddress::Parse(Word(2));
  if (!address) {
    return Refuse("'" + Word(2) + "' is not an address");
  }
  fabric_.Reboot(now_, box, *address);
  return {};
}

Outcome<std::string> Command::Blackhole(const std::vector<size_t>& ports) {
  const auto duration = ParseDuration(Word(3));
  if (!duration) {
    return Refuse("'" + Word(3) + "' is not a duration");
  }
  for (const size_t port : ports) {
    fabric_.Blackhole(port, now_ + *duration);
  }
  return {};
}

Outcome<std::string> Command::SetLink(const std::vector<size_t>& ports) {
  const std::string direction = Word(3);
  const std::span<const std::string> settings =
      std::span(words_).subspan(std::min<size_t>(4, words_.size()));
  for (const size_t port : ports) {
    const auto [up, down] = fabric_.links(port);
    const auto new_up = ChangeLink(up->config(), settings);
    const auto new_down = ChangeLink(down->config(), settings);
    if (!new_up || !new_down) {
      return Refuse(new_up ? new_down.error() : new_up.error());
    }
    fabric_.Configure(port, direction == "down" ? up->config() : *new_up,
                      direction == "up" ? down->config() : *new_down);
  }
  return {};
}

}  // namespace

std::string FormatRequest(std::string_view member, const Event& event) {
  std::string request =
      std::string(EventName(event.kind)) + " " + std::string(member);
  const std::string network = event.network.empty() ? "*" : event.network;
  if (event.kind == EventKind::kReaddress && event.new_address) {
    request += " " + event.new_address->ToString();
  } else if (event.kind == EventKind::kBlackhole) {
    request += " " + network + " " + FormatDuration(event.duration);
  } else if (event.kind == EventKind::kSetLink) {
    request += " " + network + " " + event.direction;
    for (const std::string& setting : event.link_settings) {
      request += " " + setting;
    }
  }
  return request;
}

Outcome<std::string> Execute(const FabricPlan& plan, Fabric& fabric,
                             Instant now, std::string_view request) {
  std::istringstream in{std::string(request)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(std::move(word));
  }
  return Command(plan, fabric, now, std::move(words)).Run();
}

}  // namespace natkit::netsim
