// What each way of setting up DNS does.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "dns/resolv_file.h"
#include "dns/system_dns.h"

namespace natkit::meshnode {
namespace {

using shell::Outcome;

constexpr std::string_view kResolvedStub = "127.0.0.53";
constexpr Duration kRewriteWindow = std::chrono::minutes(1);

/// The file at the end of all links; empty: there is none.
std::string RealPath(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? std::string() : real.string();
}

std::vector<std::string> Command(std::vector<std::string> words,
                                 const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses) {
    words.push_back(address.ToString());
  }
  return words;
}

}  // namespace

std::vector<DnsBackend> SystemDns::Detect() const {
  std::vector<DnsBackend> usable;
  if (UsesResolved()) {
    usable.push_back(DnsBackend::kResolved);
  } else if (UsesResolvconf()) {
    usable.push_back(DnsBackend::kResolvconf);
  }
  usable.push_back(DnsBackend::kFile);
  return usable;
}

/// Programs ask it only if resolv.conf says so.
bool SystemDns::UsesResolved() const {
  if (!paths_.programs.Find("resolvectl")) {
    return false;
  }
  const auto conf =
      ParseResolvConf(ReadText(paths_.resolv_conf).value_or(std::string()));
  return std::ranges::find(conf.nameservers, kResolvedStub) !=
             conf.nameservers.end() ||
         RealPath(paths_.resolv_conf).contains("/systemd/resolve/");
}

/// systemd brings a program of this name for the link alone; what it does,
/// resolvectl does better.
bool SystemDns::UsesResolvconf() const {
  if (!paths_.programs.Find("resolvconf")) {
    return false;
  }
  const auto version = paths_.programs.Run({"resolvconf", "--version"});
  if (version && version->contains("systemd")) {
    return false;
  }
  const std::string text = ReadText(paths_.resolv_conf).value_or(std::string());
  return RealPath(paths_.resolv_conf).contains("/resolvconf/") ||
         text.contains("by resolvconf");
}

Outcome<void> SystemDns::ApplyResolved() {
  if (auto written = slot_->Write(state_); !written) {
    return written;
  }
  const std::string& link = settings_.interface;
  std::vector<std::string> domains{"resolvectl", "domain", link};
  domains.insert(domains.end(), settings_.search.begin(),
                 settings_.search.end());
  for (const std::string& suffix : settings_.routed) {
    domains.push_back("~" + suffix);
  }
  if (settings_.takes_all) {
    domains.emplace_back("~.");
  }
  const std::vector<std::vector<std::string>> commands = {
      Command({"resolvectl", "dns", link}, settings_.servers),
      domains,
      {"resolvectl", "default-route", link,
       settings_.takes_all ? "yes" : "no"}};
  for (const auto& command : commands) {
    if (const auto run = paths_.programs.Run(command); !run) {
      return std::unexpected(run.error());
    }
  }
  // The mesh's names have no chain of signatures from the root, and its server
  // no TLS. Some builds know neither; then neither is in the way.
  for (const char* setting : {"dnssec", "dnsovertls"}) {
    static_cast<void>(paths_.programs.Run({"resolvectl", setting, link, "no"}));
  }
  TellResolved();
  return {};
}

/// If all names come to us, the stub would only hand them back.
void SystemDns::TellResolved() {
  if (settings_.takes_all) {
    TellResolvers(ParseResolvConf(
        ReadText(paths_.resolved_conf).value_or(std::string())));
  } else {
    TellResolvers({.nameservers = {std::string(kResolvedStub)},
                   .search = {},
                   .options = {}});
  }
}

Outcome<void> SystemDns::ApplyResolvconf() {
  if (auto written = slot_->Write(state_); !written) {
    return written;
  }
  std::string record;
  for (const IpAddress& server : settings_.servers) {
    record += "nameserver " + server.ToString() + "\n";
  }
  if (!settings_.search.empty()) {
    record += "search";
    for (const std::string& domain : settings_.search) {
      record += " " + domain;
    }
    record += '\n';
  }
  std::vector<std::string> command{"resolvconf"};
  const auto version = paths_.programs.Run({"resolvconf", "--version"});
  if (version && version->contains("openresolv")) {
    command.insert(command.end(), {"-m", "0"});  // before the others
  }
  command.insert(command.end(), {"-a", ResolvconfRecord(settings_.interface)});
  if (const auto run = paths_.programs.Run(command, record); !run) {
    return std::unexpected(run.error());
  }
  const auto conf =
      ParseResolvConf(ReadText(paths_.resolv_conf).value_or(std::string()));
  if (conf.nameservers.empty() ||
      conf.nameservers.front() != settings_.servers.front().ToString()) {
    return std::unexpected("resolvconf has not put our server first in " +
                           paths_.resolv_conf);
  }
  TellResolvers(conf);
  return {};
}

Outcome<void> SystemDns::ApplyFile() {
  return is_applied_ ? Rewrite() : Adopt();
}

/// Takes the file as it is for the original, and puts ours in its place.
Outcome<void> SystemDns::Adopt() {
  const auto text = ReadText(state_.resolv_conf);
  if (text && IsOurs(*text)) {
    // Left over by somebody who has lost the state, or edited since.
    const bool is_left_over = !is_applied_ && Exists(state_.backup);
    if (auto cleaned = is_left_over ? PutBack(state_) : RemoveOurs(state_);
        !cleaned) {
      return cleaned;
    }
  }
  state_.had_original = Exists(state_.resolv_conf);
  original_ =
      ParseResolvConf(ReadText(state_.resolv_conf).value_or(std::string()));
  state_.contents = {RenderResolvConf({.interface = settings_.interface,
                                       .servers = settings_.servers,
                                       .search = settings_.search},
                                      original_, state_.backup)};
  // In this order, every crash between leaves something that Undo() knows.
  if (auto written = slot_->Write(state_); !written) {
    return written;
  }
  if (auto saved = BackUp(state_); !saved) {
    return saved;
  }
  if (auto installed = Install(state_.resolv_conf, state_.contents.front());
      !installed) {
    return installed;
  }
  TellResolvers(original_);
  return {};
}

/// Replaces a file of ours by another.
Outcome<void> SystemDns::Rewrite() {
  const std::string content =
      RenderResolvConf({.interface = settings_.interface,
                        .servers = settings_.servers,
                        .search = settings_.search},
                       original_, state_.backup);
  if (!IsInstalled(state_)) {
    return Adopt();
  }
  state_.contents = {content, state_.contents.front()};
  if (auto written = slot_->Write(state_); !written) {
    return written;
  }
  if (auto installed = Install(state_.resolv_conf, content); !installed) {
    return installed;
  }
  state_.contents.pop_back();
  return slot_->Write(state_);
}

/// Somebody has written resolv.conf: what is there is the original from now on.
void SystemDns::OnFileChange() {
  if (!is_applied_ || IsInstalled(state_)) {
    return;
  }
  if (!MayRewrite()) {
    Warn(state_.resolv_conf +
         " is rewritten by others again and again; it is left to them");
    file_watcher_.reset();
    return;
  }
  handlers_.log(LogLevel::kInfo, "dns: " + state_.resolv_conf +
                                     " was changed by others; taken over");
  if (const auto adopted = Adopt(); !adopted) {
    Warn(adopted.error());
  }
  Watch();
}

/// Where the original leads to, or what resolvconf or systemd-resolved writes,
/// has other content.
void SystemDns::OnOriginalChange() {
  if (state_.backend == DnsBackend::kResolved) {
    TellResolved();
    return;
  }
  const bool is_file = state_.backend == DnsBackend::kFile;
  const auto text = ReadText(is_file ? state_.backup : state_.resolv_conf);
  if (!is_applied_ || !text) {
    return;
  }
  const ResolvConf conf = ParseResolvConf(*text);
  TellResolvers(conf);
  if (is_file && conf != original_ && IsInstalled(state_)) {
    original_ = conf;
    if (const auto rewritten = Rewrite(); !rewritten) {
      Warn(rewritten.error());
    }
  }
}

bool SystemDns::MayRewrite() {
  const Instant now = io::EventLoop::Now();
  while (!rewrites_.empty() && now - rewrites_.front() > kRewriteWindow) {
    rewrites_.pop_front();
  }
  if (rewrites_.size() >= kMaxRewrites) {
    return false;
  }
  rewrites_.push_back(now);
  return true;
}

}  // namespace natkit::meshnode
