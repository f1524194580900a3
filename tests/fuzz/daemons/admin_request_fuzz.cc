// Lines of the administrator's socket, in a mesh with two nodes. Each is
// answered by one line with a result or an error; an error leaves everything as
// it was; and whatever was done can be stored, and is read back as the same.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin_verbs.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/mesh/registry/memory_store.h"

namespace {

using namespace natkit;          // NOLINT(google-build-using-namespace)
using namespace natkit::coordd;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

constexpr mesh::ServerTime kTime{
    .now = {},
    .wall = mesh::WallTime(std::chrono::milliseconds(1'800'000'000'000))};

/// What an administrator can see, in one text.
constexpr auto kViews = std::to_array<std::string_view>(
    {R"({"verb":"users.list"})", R"({"verb":"nodes.list"})",
     R"({"verb":"routes.list"})", R"({"verb":"keys.list"})",
     R"({"verb":"tokens.list"})", R"({"verb":"relays.list"})",
     R"({"verb":"dns.get"})", R"({"verb":"policy.get"})"});

/// A server without its sockets.
class Server {
 public:
  Server(mesh::Store& store, io::EventLoop& loop)
      : store_(store),
        loop_(loop),
        registry_(
            *mesh::Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                                   .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                                  store, rng_, kTime.wall)),
        coordinator_({}, *registry_, rng_, kTime),
        policy_(*registry_, coordinator_),
        work_(loop) {}

  mesh::Registry& registry() { return *registry_; }

  std::string Ask(std::string_view line) {
    AdminSubject subject{.registry = *registry_,
                         .coordinator = coordinator_,
                         .store = store_,
                         .store_path = {},
                         .policy = policy_,
                         .work = work_};
    size_t answers = 0;
    std::string answer;
    HandleAdminLine(subject, kTime, "fuzz", line, [&](std::string text) {
      ++answers;
      answer = std::move(text);
    });
    loop_.RunUntil([&] { return answers > 0; }, std::chrono::minutes(1));
    NATKIT_CHECK(answers == 1);
    return answer;
  }

  void Commit() { NATKIT_CHECK(registry_->Commit().has_value()); }

  std::string View() {
    std::string view;
    for (const std::string_view line : kViews) {
      view += Ask(line);
    }
    return view;
  }

 private:
  SeededRng rng_{3};
  mesh::Store& store_;
  io::EventLoop& loop_;
  std::unique_ptr<mesh::Registry> registry_;
  mesh::Coordinator coordinator_;
  PolicyKeeper policy_;
  io::BackgroundWork work_;
};

void AddNodes(mesh::Registry& registry) {
  SeededRng rng(7);
  for (const char* host : {"a", "b"}) {
    mesh::JoinRequest request{.host_name = host};
    request.keys.machine_key = mesh::MachineIdentity::Generate(rng).key();
    request.keys.node_key = DerivePublicKey(GeneratePrivateKey(rng));
    request.keys.signalling_key = DerivePublicKey(GeneratePrivateKey(rng));
    const auto node = registry.Join(kTime.wall, request);
    NATKIT_CHECK(node.has_value());
    mesh::NodeReport report;
    report.routes = {*IpPrefix::Parse("10.0.0.0/8")};
    report.offers_exit = true;
    registry.Report(kTime.wall, *node, report);
  }
}

/// It would write a file.
bool IsBackup(std::string_view line) {
  const json request = json::parse(line, nullptr, false);
  return request.is_object() && request.value("verb", json()) == json("backup");
}

void CheckAnswer(const std::string& answer) {
  NATKIT_CHECK(answer.find('\n') == answer.size() - 1);
  const json parsed = json::parse(answer, nullptr, false);
  NATKIT_CHECK(parsed.is_object() && parsed.size() == 1);
  NATKIT_CHECK(parsed.contains("result") || parsed.contains("error"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostLines = 20;
  static io::EventLoop loop;
  std::string_view text = AsText({data, size});
  mesh::MemoryStore store;
  Server server(store, loop);
  AddNodes(server.registry());
  server.Commit();
  for (size_t i = 0; i < kMostLines && !text.empty(); ++i) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (IsBackup(line)) {
      continue;
    }
    const std::string answer = server.Ask(line);
    CheckAnswer(answer);
    NATKIT_CHECK(!answer.starts_with(R"({"error")") ||
                 !server.registry().has_uncommitted());
    server.Commit();
  }
  Server again(store, loop);
  NATKIT_CHECK(again.View() == server.View());
  return 0;
}
