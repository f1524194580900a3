#include "natkit/nat/stun_survey.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>

#include "natkit/nat/stun_message_builder.h"

namespace natkit::stun {
namespace {

using std::chrono::milliseconds;

const Endpoint kNear = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kFar = *Endpoint::Parse("198.51.100.2:3478");
const Endpoint kMapped = *Endpoint::Parse("203.0.113.7:41641");
const Endpoint kMappedElsewhere = *Endpoint::Parse("203.0.113.7:41642");

/// Servers that answer after a while, each request or only some of them.
class Lab {
 public:
  struct Behavior {
    Endpoint mapped;
    std::function<Duration(size_t request)> delay;  ///< below 0: never
  };

  explicit Lab(std::map<Endpoint, Behavior> servers)
      : servers_(std::move(servers)) {}

  /// Runs it to its end; returns how long that took.
  Duration Run(Survey& survey) {
    const Instant start = now_;
    survey.Start(now_);
    for (int step = 0; step < 1000 && !survey.is_finished(); ++step) {
      Deliver(survey);
    }
    EXPECT_TRUE(survey.is_finished());
    EXPECT_FALSE(survey.NextTimeout());
    return now_ - start;
  }

  std::map<Endpoint, std::vector<Instant>> sent;

 private:
  struct Answer {
    Endpoint from;
    std::vector<uint8_t> bytes;
  };

  void Deliver(Survey& survey) {
    while (auto request = survey.PollTransmit()) {
      auto& times = sent[request->to];
      times.push_back(now_);
      const auto server = servers_.find(request->to);
      if (server == servers_.end()) {
        continue;
      }
      const Duration delay = server->second.delay(times.size());
      if (delay >= Duration{}) {
        answers_.emplace(now_ + delay, Respond(*request, server->second));
      }
    }
    const auto timeout = survey.NextTimeout();
    const bool is_answer =
        !answers_.empty() && (!timeout || answers_.begin()->first <= *timeout);
    if (is_answer) {
      now_ = answers_.begin()->first;
      const Answer answer = answers_.begin()->second;
      answers_.erase(answers_.begin());
      EXPECT_TRUE(survey.HandleDatagram(now_, answer.from, answer.bytes));
      EXPECT_FALSE(survey.HandleDatagram(now_, answer.from, answer.bytes));
    } else if (timeout) {
      now_ = *timeout;
      survey.HandleTimeout(now_);
    }
  }

  static Answer Respond(const Transmit& request, const Behavior& server) {
    std::array<uint8_t, kMaxUdpMessageSize> buffer;
    MessageBuilder builder(buffer, kBindingSuccess,
                           Message::Parse(request.payload)->id());
    builder.Add<attr::XorMappedAddress>(server.mapped);
    const auto message = builder.Finish();
    return {request.to, {message->begin(), message->end()}};
  }

  Instant now_{};
  std::map<Endpoint, Behavior> servers_;
  std::multimap<Instant, Answer> answers_;
};

std::function<Duration(size_t)> Always(Duration delay) {
  return [delay](size_t) { return delay; };
}

TEST(Survey, TellsHowFarServersAreAndWhatTheySee) {
  SeededRng rng(1);
  Lab lab({{kNear, {kMapped, Always(milliseconds(12))}},
           {kFar, {kMappedElsewhere, Always(milliseconds(90))}}});
  Survey survey({kFar, kNear}, rng);
  const Duration took = lab.Run(survey);
  EXPECT_EQ(took, milliseconds(4 * 200 + 90));
  const auto& found = survey.servers();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].server, kFar);
  EXPECT_EQ(found[0].round_trip, milliseconds(90));
  EXPECT_EQ(found[0].mapped, kMappedElsewhere);
  EXPECT_EQ(found[1].round_trip, milliseconds(12));
  EXPECT_EQ(found[1].mapped, kMapped);
  EXPECT_EQ(found[1].answered, 5U);
}

TEST(Survey, TakesTheShortestOfTheRoundTrips) {
  SeededRng rng(1);
  Lab lab({{kNear, {kMapped, [](size_t request) {
                      return milliseconds(request == 3 ? 20 : 300);
                    }}}});
  Survey survey({kNear}, rng);
  lab.Run(survey);
  EXPECT_EQ(survey.servers()[0].round_trip, milliseconds(20));
  EXPECT_EQ(survey.servers()[0].answered, 5U);
}

TEST(Survey, EndsWhenPatienceIsOverAndRepeatsNothing) {
  SeededRng rng(1);
  Lab lab({{kNear, {kMapped, [](size_t request) {
                      return milliseconds(request == 2 ? 30 : -1);
                    }}}});
  Survey survey({kNear, kFar}, rng);
  const Duration took = lab.Run(survey);
  EXPECT_EQ(took, milliseconds(4 * 200 + 2000));
  EXPECT_EQ(lab.sent[kNear].size(), 5U);
  EXPECT_EQ(lab.sent[kFar].size(), 5U);
  EXPECT_EQ(survey.servers()[0].round_trip, milliseconds(30));
  EXPECT_EQ(survey.servers()[0].answered, 1U);
  EXPECT_EQ(survey.servers()[1].asked, 5U);
  EXPECT_EQ(survey.servers()[1].answered, 0U);
  EXPECT_FALSE(survey.servers()[1].round_trip);
  EXPECT_FALSE(survey.servers()[1].mapped);
}

TEST(Survey, TakesNoAnswerFromSomebodyElse) {
  SeededRng rng(1);
  Survey survey({kNear}, rng, {.rounds = 1});
  survey.Start(Instant{});
  const auto request = survey.PollTransmit();
  ASSERT_TRUE(request);
  EXPECT_FALSE(survey.PollTransmit());
  EXPECT_FALSE(survey.HandleDatagram(Instant{}, kFar, request->payload));
  EXPECT_FALSE(survey.HandleDatagram(Instant{}, kNear, {}));
  EXPECT_FALSE(survey.is_finished());
}

TEST(Survey, AsksABoundedNumberOfServersOnceEach) {
  SeededRng rng(1);
  std::vector<Endpoint> servers(3, kNear);
  for (uint16_t port = 1; port <= 200; ++port) {
    servers.push_back({kFar.address, port});
  }
  const Survey survey(servers, rng);
  EXPECT_EQ(survey.servers().size(), Survey::kMaxServers);
  EXPECT_EQ(survey.servers()[1].server.port, 1);
}

TEST(Survey, OfNobodyHasNothingToDo) {
  SeededRng rng(1);
  Survey survey({}, rng);
  survey.Start(Instant{});
  EXPECT_TRUE(survey.is_finished());
  EXPECT_FALSE(survey.NextTimeout());
}

}  // namespace
}  // namespace natkit::stun
