#include "dns/system_dns.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "dns/resolv_file.h"

namespace natkit::meshnode {
namespace {

using shell::Outcome;

constexpr std::string_view kFileSlot = "resolv-conf";
/// A guardian at work is mostly done by then. Longer, and it is another node,
/// which may go on; the caller's packets wait meanwhile.
constexpr Duration kSlotWait = std::chrono::seconds(1);
constexpr size_t kMaxInterface = 15;

std::string SlotOf(DnsBackend backend, const std::string& interface) {
  return backend == DnsBackend::kFile ? std::string(kFileSlot)
                                      : "link-" + interface;
}

Outcome<void> Check(const SystemDnsSettings& settings) {
  const std::string& name = settings.interface;
  if (name.empty() || name.size() > kMaxInterface || name.front() == '-' ||
      name.find_first_of("/ \t\n") != std::string::npos) {
    return std::unexpected("'" + name + "' is no name of an interface");
  }
  if (settings.servers.empty()) {
    return std::unexpected("there is no address of a DNS server to set up");
  }
  return {};
}

}  // namespace

SystemDns::SystemDns(io::EventLoop& loop, SystemDnsPaths paths,
                     SystemDnsHandlers handlers)
    : loop_(loop), paths_(std::move(paths)), handlers_(std::move(handlers)) {}

SystemDns::~SystemDns() {
  Stop();
}

Outcome<void> SystemDns::Start(std::optional<DnsBackend> backend,
                               const SystemDnsSettings& settings) {
  if (auto checked = Check(settings); !checked) {
    return checked;
  }
  Stop();
  settings_ = settings;
  Recover(settings.interface);
  const auto backends = backend ? std::vector{*backend} : Detect();
  Outcome<void> started;
  for (const DnsBackend candidate : backends) {
    started = StartWith(candidate);
    if (started) {
      return started;
    }
    Warn(std::string(BackendName(candidate)) + ": " + started.error());
  }
  return started;
}

void SystemDns::Recover(const std::string& interface) {
  RecoverSlot(std::string(kFileSlot));
  RecoverSlot("link-" + interface);
}

/// What an earlier process has left. Another that is alive keeps its own.
void SystemDns::RecoverSlot(const std::string& slot) {
  const auto taken = SetupSlot::Take(paths_.state_folder, slot, kSlotWait);
  if (!taken || !taken->Read()) {
    return;
  }
  if (const auto undone = taken->Undo(paths_.programs); undone) {
    handlers_.log(LogLevel::kInfo,
                  "dns: undid the set-up of an earlier process");
  } else {
    Warn("cannot undo the set-up of an earlier process: " + undone.error());
  }
}

Outcome<void> SystemDns::StartWith(DnsBackend backend) {
  auto slot = SetupSlot::Take(paths_.state_folder,
                              SlotOf(backend, settings_.interface), kSlotWait);
  if (!slot) {
    return std::unexpected(slot.error());
  }
  if (auto undone = slot->Undo(paths_.programs); !undone) {
    return undone;  // a guardian's, which it could not undo
  }
  slot_.emplace(*std::move(slot));
  auto guardian = Guardian::Start(
      [slot = &*slot_, programs = paths_.programs] {
        static_cast<void>(slot->Undo(programs));
      },
      std::array{slot_->lock()});
  if (!guardian) {
    slot_.reset();
    return std::unexpected(guardian.error());
  }
  guardian_.emplace(*std::move(guardian));
  state_ = {.backend = backend,
            .interface = settings_.interface,
            .resolv_conf = paths_.resolv_conf,
            .backup = paths_.resolv_conf + ".natkit-backup",
            .contents = {},
            .servers = settings_.servers};
  auto applied = Apply();
  if (!applied) {
    GiveBack();
  }
  return applied;
}

Outcome<void> SystemDns::Apply() {
  state_.servers = settings_.servers;
  Outcome<void> applied;
  switch (state_.backend) {
    case DnsBackend::kResolved:
      applied = ApplyResolved();
      break;
    case DnsBackend::kResolvconf:
      applied = ApplyResolvconf();
      break;
    case DnsBackend::kFile:
      applied = ApplyFile();
      break;
  }
  if (applied && !is_applied_) {
    is_applied_ = true;
    Watch();
  }
  return applied;
}

Outcome<void> SystemDns::Update(const SystemDnsSettings& settings) {
  if (auto checked = Check(settings); !checked) {
    return checked;
  }
  if (!is_applied_ || settings.interface != settings_.interface) {
    return std::unexpected("DNS is not set up for this interface");
  }
  if (settings == settings_) {
    return {};
  }
  settings_ = settings;
  return Apply();
}

void SystemDns::Stop() {
  file_watcher_.reset();
  original_watcher_.reset();
  if (slot_) {
    GiveBack();
  }
}

void SystemDns::GiveBack() {
  is_applied_ = false;
  const auto undone = slot_->Undo(paths_.programs);
  if (!undone) {
    Warn("cannot undo the set-up: " + undone.error());
  }
  if (guardian_) {
    guardian_->Dismiss();
    guardian_.reset();
  }
  slot_.reset();
  resolvers_.clear();
  rewrites_.clear();
}

std::optional<DnsBackend> SystemDns::backend() const {
  return is_applied_ ? std::optional(state_.backend) : std::nullopt;
}

pid_t SystemDns::guardian_pid() const {
  return guardian_ ? guardian_->pid() : 0;
}

void SystemDns::Watch() {
  // What the original, or resolv.conf itself, leads to: its keeper rewrites it
  // there.
  const bool is_file = state_.backend == DnsBackend::kFile;
  std::error_code error;
  const auto target =
      state_.backend == DnsBackend::kResolved
          ? std::filesystem::path(paths_.resolved_conf)
          : std::filesystem::canonical(
                is_file ? state_.backup : state_.resolv_conf, error);
  original_watcher_.reset();
  if (!error && (!is_file || target != state_.backup)) {
    if (auto watcher = io::FileWatcher::Start(loop_, target.string(),
                                              [this] { OnOriginalChange(); })) {
      original_watcher_.emplace(*std::move(watcher));
    }
  }
  if (is_file && !file_watcher_) {
    auto watcher = io::FileWatcher::Start(loop_, state_.resolv_conf,
                                          [this] { OnFileChange(); });
    if (watcher) {
      file_watcher_.emplace(*std::move(watcher));
    } else {
      Warn("cannot watch " + state_.resolv_conf);
    }
  }
}

void SystemDns::TellResolvers(const ResolvConf& conf) {
  auto resolvers = ResolversOf(conf, settings_.servers);
  // A file without any is one that its keeper has not filled yet.
  if (resolvers.empty() || resolvers == resolvers_) {
    return;
  }
  resolvers_ = std::move(resolvers);
  handlers_.on_resolvers(resolvers_);
}

void SystemDns::Warn(const std::string& text) const {
  handlers_.log(LogLevel::kWarning, "dns: " + text);
}

}  // namespace natkit::meshnode
