// The system's DNS set-up, on files of a temporary folder and programs that
// write down how they were called.

#include "dns/system_dns.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "natkit/io/timer.h"

namespace natkit::meshnode {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr const char* kOriginal =
    "nameserver 192.168.1.1\nsearch lan.example\noptions edns0\n";

class SystemSetup : public testing::Test {
 protected:
  SystemSetup() {
    std::string name = (fs::temp_directory_path() / "natkit-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::create_directory(folder_ / "etc");
    fs::create_directory(folder_ / "bin");
    conf_ = folder_ / "etc/resolv.conf";
    backup_ = conf_.string() + ".natkit-backup";
    Write(conf_, kOriginal);
  }

  ~SystemSetup() override {
    dns_.reset();
    fs::remove_all(folder_);
  }

  [[nodiscard]] SystemDnsPaths Paths() const {
    return {
        .resolv_conf = conf_.string(),
        .state_folder = (folder_ / "state").string(),
        .resolved_conf = (folder_ / "etc/resolved").string(),
        .programs = Programs((folder_ / "bin").string() + ":/usr/bin:/bin")};
  }

  static SystemDnsSettings Settings() {
    return {.interface = "mesh0",
            .servers = {IpAddress::V4(100, 64, 0, 1)},
            .search = {"corp.mesh"},
            .routed = {"corp.example"}};
  }

  void Make() {
    dns_ = std::make_unique<SystemDns>(
        loop_, Paths(),
        SystemDnsHandlers{
            .on_resolvers =
                [this](const std::vector<Endpoint>& resolvers) {
                  resolvers_ = resolvers;
                },
            .log = [this](LogLevel,
                          std::string_view line) { log_.emplace_back(line); }});
  }

  void Start(std::optional<DnsBackend> backend = DnsBackend::kFile) {
    Make();
    const auto started = dns_->Start(backend, Settings());
    ASSERT_TRUE(started.has_value()) << started.error();
  }

  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  /// A program that appends its arguments to `calls`, and its input to `input`.
  void MakeProgram(const char* name, const std::string& body) {
    const fs::path path = folder_ / "bin" / name;
    Write(path, "#!/bin/sh\necho \"$0 $*\" | sed 's,.*/,,' >> " +
                    (folder_ / "calls").string() + "\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
  }

  [[nodiscard]] std::string Calls() const { return Read(folder_ / "calls"); }

  /// Also for what other processes do, of which the loop hears nothing.
  bool WaitFor(const std::function<bool()>& done) {
    std::optional<io::Timer> tick;
    const auto arm = [&tick] {
      tick->Arm(io::EventLoop::Now() + std::chrono::milliseconds(10));
    };
    tick.emplace(loop_, arm);
    arm();
    return loop_.RunUntil(done, seconds(20));
  }

  /// Does `act` in another process that is then killed, and waits until its
  /// guardian has let go of everything.
  template <class F>
  void RunAndKill(F act) {
    const pid_t child = ::fork();
    if (child == 0) {
      act();
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  void ExpectRestored() const {
    EXPECT_EQ(Read(conf_), kOriginal);
    EXPECT_FALSE(fs::exists(backup_));
    EXPECT_FALSE(fs::exists(folder_ / "state/dns-resolv-conf.state"));
  }

  fs::path folder_;
  fs::path conf_;
  fs::path backup_;
  io::EventLoop loop_;
  std::vector<Endpoint> resolvers_;
  std::vector<std::string> log_;
  std::unique_ptr<SystemDns> dns_;
};

TEST_F(SystemSetup, ReplacesTheFileAndBringsItBack) {
  ::chmod(conf_.c_str(), 0640);
  struct stat before{};
  ASSERT_EQ(::stat(conf_.c_str(), &before), 0);
  Start();
  EXPECT_TRUE(IsOurs(Read(conf_)));
  EXPECT_EQ(Read(backup_), kOriginal);
  ASSERT_EQ(resolvers_.size(), 1U);
  EXPECT_EQ(resolvers_[0].ToString(), "192.168.1.1:53");
  struct stat ours{};
  ASSERT_EQ(::stat(conf_.c_str(), &ours), 0);
  EXPECT_EQ(ours.st_mode & 07777U, 0644U);
  EXPECT_EQ(dns_->backend(), DnsBackend::kFile);
  dns_->Stop();
  ExpectRestored();
  struct stat after{};
  ASSERT_EQ(::stat(conf_.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);  // the same file, with all it has
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_FALSE(dns_->backend().has_value());
}

TEST_F(SystemSetup, ALinkComesBackAsALink) {
  fs::create_directory(folder_ / "run");
  fs::rename(conf_, folder_ / "run/resolv.conf");
  fs::create_symlink("../run/resolv.conf", conf_);
  Start();
  EXPECT_FALSE(fs::is_symlink(conf_));
  EXPECT_EQ(Read(folder_ / "run/resolv.conf"), kOriginal);
  EXPECT_EQ(resolvers_.size(), 1U);
  dns_->Stop();
  EXPECT_TRUE(fs::is_symlink(conf_));
  EXPECT_EQ(fs::read_symlink(conf_), "../run/resolv.conf");
  ExpectRestored();
}

TEST_F(SystemSetup, WhatALinkLeadsToIsFollowed) {
  fs::create_directory(folder_ / "run");
  fs::rename(conf_, folder_ / "run/resolv.conf");
  fs::create_symlink("../run/resolv.conf", conf_);
  Start();
  Write(folder_ / "run/new", "nameserver 10.0.0.9\nsearch office.example\n");
  fs::rename(folder_ / "run/new", folder_ / "run/resolv.conf");
  EXPECT_TRUE(WaitFor([this] {
    return Read(conf_).find("office.example") != std::string::npos;
  }));
  ASSERT_EQ(resolvers_.size(), 1U);
  EXPECT_EQ(resolvers_[0].ToString(), "10.0.0.9:53");
  dns_->Stop();
  EXPECT_TRUE(fs::is_symlink(conf_));
  EXPECT_FALSE(IsOurs(Read(conf_)));
}

TEST_F(SystemSetup, WithoutAFileThereIsNoneAfterwards) {
  fs::remove(conf_);
  Start();
  EXPECT_TRUE(IsOurs(Read(conf_)));
  dns_->Stop();
  EXPECT_FALSE(fs::exists(conf_));
  EXPECT_FALSE(fs::exists(backup_));
}

TEST_F(SystemSetup, TheGuardianRestoresAfterAKill) {
  RunAndKill([this] { Start(); });
  // The guardian lets go of the lock when it is done: this waits for it.
  Start();
  EXPECT_EQ(Read(backup_), kOriginal);
  dns_->Stop();
  ExpectRestored();
}

TEST_F(SystemSetup, WithTheGuardianKilledTooTheNextStartRestores) {
  RunAndKill([this] {
    Start();
    ::kill(dns_->guardian_pid(), SIGKILL);
    ::waitpid(dns_->guardian_pid(), nullptr, 0);
  });
  EXPECT_TRUE(IsOurs(Read(conf_)));
  Start();
  EXPECT_EQ(Read(backup_), kOriginal);
  EXPECT_EQ(resolvers_.size(), 1U);
  EXPECT_NE(log_.at(0).find("undid"), std::string::npos);
  dns_->Stop();
  ExpectRestored();
}

TEST_F(SystemSetup, AlsoWithoutItsStateFile) {
  RunAndKill([this] {
    Start();
    ::kill(dns_->guardian_pid(), SIGKILL);
    ::waitpid(dns_->guardian_pid(), nullptr, 0);
  });
  fs::remove_all(folder_ / "state");
  Start();
  dns_->Stop();
  ExpectRestored();
}

TEST_F(SystemSetup, TheGuardianIgnoresWhatEndsOthers) {
  Start();
  const pid_t guardian = dns_->guardian_pid();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ::kill(guardian, signal);
  }
  EXPECT_EQ(Read("/proc/" + std::to_string(guardian) + "/comm"),
            "natkit-dns\n");
  EXPECT_NE(::getsid(guardian), ::getsid(0));
  dns_->Stop();
  EXPECT_EQ(::kill(guardian, 0), -1);  // ended, and waited for
  ExpectRestored();
}

TEST_F(SystemSetup, TheGuardianHoldsNoDescriptorOfOthers) {
  const fs::path other = folder_ / "other";
  Write(other, "x");
  std::ifstream held(other);
  Start();
  // Starting, it closes what it has inherited.
  const std::string fds =
      "/proc/" + std::to_string(dns_->guardian_pid()) + "/fd";
  EXPECT_TRUE(WaitFor([&] {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(fds)) {
      std::error_code error;
      count += fs::read_symlink(entry.path(), error) == "/dev/null" ? 0 : 1;
    }
    return count == 2;  // the pipe and the lock
  }));
}

TEST_F(SystemSetup, SomebodyElsesFileStays) {
  RunAndKill([this] {
    Start();
    Write(folder_ / "etc/new", "nameserver 9.9.9.9\n");
    fs::rename(folder_ / "etc/new", conf_);
  });
  EXPECT_TRUE(WaitFor([this] { return !fs::exists(backup_); }));
  EXPECT_EQ(Read(conf_), "nameserver 9.9.9.9\n");
}

TEST_F(SystemSetup, ARewriteByOthersIsTakenOver) {
  Start();
  Write(folder_ / "etc/new", "nameserver 9.9.9.9\nsearch new.example\n");
  fs::rename(folder_ / "etc/new", conf_);
  EXPECT_TRUE(WaitFor([this] { return IsOurs(Read(conf_)); }));
  EXPECT_NE(Read(conf_).find("search corp.mesh new.example"),
            std::string::npos);
  EXPECT_EQ(resolvers_.at(0).ToString(), "9.9.9.9:53");
  dns_->Stop();
  EXPECT_EQ(Read(conf_), "nameserver 9.9.9.9\nsearch new.example\n");
  EXPECT_FALSE(fs::exists(backup_));
}

TEST_F(SystemSetup, AnEditOfOursIsKeptWithoutOurLines) {
  Start();
  Write(conf_, Read(conf_) + "options rotate\n");
  EXPECT_TRUE(WaitFor(
      [this] { return Read(backup_).find("rotate") != std::string::npos; }));
  EXPECT_TRUE(WaitFor([this] { return IsOurs(Read(conf_)); }));
  dns_->Stop();
  EXPECT_FALSE(IsOurs(Read(conf_)));
  EXPECT_EQ(ParseResolvConf(Read(conf_)).nameservers,
            std::vector<std::string>{"192.168.1.1"});
  EXPECT_NE(Read(conf_).find("options rotate"), std::string::npos);
}

TEST_F(SystemSetup, WhoRewritesItAgainAndAgainMayKeepIt) {
  Start();
  bool is_left = false;
  for (int i = 0; i < 20 && !is_left; ++i) {
    const std::string theirs = "nameserver 9.9.9." + std::to_string(i) + "\n";
    Write(folder_ / "etc/new", theirs);
    fs::rename(folder_ / "etc/new", conf_);
    EXPECT_TRUE(WaitFor([&] {
      is_left = !log_.empty() &&
                log_.back().find("left to them") != std::string::npos;
      return is_left || IsOurs(Read(conf_));
    }));
  }
  EXPECT_TRUE(is_left);
  const std::string theirs = Read(conf_);
  dns_->Stop();
  EXPECT_EQ(Read(conf_), theirs);
  EXPECT_FALSE(fs::exists(backup_));
}

TEST_F(SystemSetup, SettingsChangeWhileItRuns) {
  Start();
  SystemDnsSettings other = Settings();
  other.search = {"corp.mesh", "eu.corp.mesh"};
  other.servers = {IpAddress::V4(100, 64, 0, 9)};
  ASSERT_TRUE(dns_->Update(other).has_value());
  EXPECT_NE(Read(conf_).find("search corp.mesh eu.corp.mesh lan.example"),
            std::string::npos);
  EXPECT_NE(Read(conf_).find("nameserver 100.64.0.9\n"), std::string::npos);
  dns_->Stop();
  ExpectRestored();
}

TEST_F(SystemSetup, AFileThatWasCutShortComesBack) {
  RunAndKill([this] {
    Start();
    ::kill(dns_->guardian_pid(), SIGKILL);
    ::waitpid(dns_->guardian_pid(), nullptr, 0);
    Write(conf_, "");
  });
  Start();
  dns_->Stop();
  ExpectRestored();
}

TEST_F(SystemSetup, WithoutItsBackupOursGoesAllTheSame) {
  Start();
  fs::remove(backup_);
  dns_->Stop();
  EXPECT_FALSE(IsOurs(Read(conf_)));
  EXPECT_EQ(Read(conf_).find("100.64.0.1"), std::string::npos);
  Start();  // and it is in nobody's way
  dns_->Stop();
  EXPECT_FALSE(IsOurs(Read(conf_)));
}

TEST_F(SystemSetup, AFailureChangesNothing) {
  fs::remove(conf_);
  fs::create_directory(conf_);
  Make();
  const auto started = dns_->Start(DnsBackend::kFile, Settings());
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().find("resolv.conf"), std::string::npos);
  EXPECT_TRUE(fs::is_directory(conf_));
  EXPECT_FALSE(fs::exists(backup_));
  EXPECT_EQ(dns_->guardian_pid(), 0);
}

TEST_F(SystemSetup, OneAtATimeHasTheFile) {
  Start();
  const auto other = SetupSlot::Take(Paths().state_folder, "resolv-conf",
                                     std::chrono::milliseconds(1));
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().find("another natkit process"), std::string::npos);
  dns_->Stop();
  EXPECT_TRUE(SetupSlot::Take(Paths().state_folder, "resolv-conf", {}));
}

TEST_F(SystemSetup, ResolvedIsToldByResolvectl) {
  MakeProgram("resolvectl", "");
  Write(conf_, "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
  Start(std::nullopt);
  EXPECT_EQ(dns_->backend(), DnsBackend::kResolved);
  EXPECT_EQ(Calls(),
            "resolvectl dns mesh0 100.64.0.1\n"
            "resolvectl domain mesh0 corp.mesh ~corp.example\n"
            "resolvectl default-route mesh0 no\n"
            "resolvectl dnssec mesh0 no\n"
            "resolvectl dnsovertls mesh0 no\n");
  EXPECT_EQ(resolvers_.at(0).ToString(), "127.0.0.53:53");
  fs::remove(folder_ / "calls");
  dns_->Stop();
  EXPECT_EQ(Calls(), "resolvectl revert mesh0\n");
}

TEST_F(SystemSetup, ResolvedGetsAllNamesIfWeTakeThem) {
  MakeProgram("resolvectl", "");
  Make();
  SystemDnsSettings settings = Settings();
  settings.takes_all = true;
  ASSERT_TRUE(dns_->Start(DnsBackend::kResolved, settings).has_value());
  EXPECT_NE(Calls().find("domain mesh0 corp.mesh ~corp.example ~.\n"),
            std::string::npos);
  EXPECT_NE(Calls().find("default-route mesh0 yes\n"), std::string::npos);
  EXPECT_TRUE(resolvers_.empty());
}

// As with an exit node: resolved hands us all names, so its stub would only
// hand them back.
TEST_F(SystemSetup, TheResolversOfResolvedFollowWhoTakesAllNames) {
  const std::string ours = "nameserver 100.64.0.1\n";
  Write(folder_ / "etc/resolved", ours + "nameserver 192.168.1.1\n");
  MakeProgram("resolvectl", "");
  Start(DnsBackend::kResolved);
  EXPECT_EQ(resolvers_.at(0).ToString(), "127.0.0.53:53");
  SystemDnsSettings settings = Settings();
  settings.takes_all = true;
  ASSERT_TRUE(dns_->Update(settings).has_value());
  ASSERT_EQ(resolvers_.size(), 1U);
  EXPECT_EQ(resolvers_.at(0).ToString(), "192.168.1.1:53");
  Write(folder_ / "etc/resolved", ours + "nameserver 192.168.2.1\n");
  EXPECT_TRUE(WaitFor(
      [this] { return resolvers_.at(0).ToString() == "192.168.2.1:53"; }));
  ASSERT_TRUE(dns_->Update(Settings()).has_value());
  EXPECT_EQ(resolvers_.at(0).ToString(), "127.0.0.53:53");
}

TEST_F(SystemSetup, TheGuardianRevertsResolvedToo) {
  MakeProgram("resolvectl", "");
  RunAndKill([this] { Start(DnsBackend::kResolved); });
  EXPECT_TRUE(WaitFor([this] {
    return Calls().find("resolvectl revert mesh0\n") != std::string::npos;
  }));
}

TEST_F(SystemSetup, WithoutResolvedAtWorkTheFileIsTaken) {
  MakeProgram("resolvectl", "echo 'Failed: no bus' >&2; exit 1");
  Write(conf_, "nameserver 127.0.0.53\n");
  Start(std::nullopt);
  EXPECT_EQ(dns_->backend(), DnsBackend::kFile);
  EXPECT_NE(log_.at(0).find("Failed: no bus"), std::string::npos);
  dns_->Stop();
  EXPECT_EQ(Read(conf_), "nameserver 127.0.0.53\n");
}

TEST_F(SystemSetup, ResolvconfGetsARecord) {
  const std::string body =
      "case $1 in --version) exit 1;; -d) echo 'nameserver 192.168.1.1' > " +
      conf_.string() + ";; -a) { cat; echo 'nameserver 192.168.1.1'; } > " +
      conf_.string() + ";; esac";
  MakeProgram("resolvconf", body);
  Write(conf_, "# Generated by resolvconf\nnameserver 192.168.1.1\n");
  Start(std::nullopt);
  EXPECT_EQ(dns_->backend(), DnsBackend::kResolvconf);
  EXPECT_NE(Calls().find("resolvconf -a lo.natkit-mesh0\n"), std::string::npos);
  EXPECT_EQ(Read(conf_),
            "nameserver 100.64.0.1\nsearch corp.mesh\n"
            "nameserver 192.168.1.1\n");
  ASSERT_EQ(resolvers_.size(), 1U);
  EXPECT_EQ(resolvers_[0].ToString(), "192.168.1.1:53");
  Write(conf_, "nameserver 100.64.0.1\nnameserver 10.0.0.1\n");
  EXPECT_TRUE(
      WaitFor([this] { return resolvers_.at(0).ToString() == "10.0.0.1:53"; }));
  dns_->Stop();
  EXPECT_NE(Calls().find("resolvconf -d lo.natkit-mesh0\n"), std::string::npos);
}

TEST_F(SystemSetup, AResolvconfThatDoesNotPutUsFirstIsLeftForTheFile) {
  MakeProgram("resolvconf", "");
  Write(conf_, "# Generated by resolvconf\nnameserver 192.168.1.1\n");
  Start(std::nullopt);
  EXPECT_EQ(dns_->backend(), DnsBackend::kFile);
  EXPECT_NE(Calls().find("resolvconf -d lo.natkit-mesh0\n"), std::string::npos);
}

TEST_F(SystemSetup, RefusesNamesThatAreNoInterface) {
  Make();
  for (const char* name : {"", "-x", "a/b", "a b", "sixteen-letters-"}) {
    SystemDnsSettings settings = Settings();
    settings.interface = name;
    EXPECT_FALSE(dns_->Start(DnsBackend::kFile, settings).has_value());
  }
  SystemDnsSettings settings = Settings();
  settings.servers.clear();
  EXPECT_FALSE(dns_->Start(DnsBackend::kFile, settings).has_value());
  ExpectRestored();
}

TEST_F(SystemSetup, AProgramThatHangsIsEnded) {
  MakeProgram("hang", "exec sleep 600");
  const auto run =
      Paths().programs.Run({"hang"}, {}, std::chrono::milliseconds(300));
  ASSERT_FALSE(run.has_value());
  EXPECT_EQ(run.error(), "hang did not end in time");
}

TEST_F(SystemSetup, AProgramsInputAndOutputArePassed) {
  MakeProgram("shout", "tr a-z A-Z");
  EXPECT_EQ(Paths().programs.Run({"shout"}, "abc"), "ABC");
  MakeProgram("fail", "echo why >&2; exit 3");
  EXPECT_EQ(Paths().programs.Run({"fail"}).error(),
            "fail failed with status 3: why");
  EXPECT_EQ(Paths().programs.Run({"nothing"}).error(),
            "nothing is not installed");
}

}  // namespace
}  // namespace natkit::meshnode
