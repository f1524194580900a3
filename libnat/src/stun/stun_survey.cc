#include "natkit/nat/stun_survey.h"

#include <algorithm>

namespace natkit::stun {

namespace {

/// One request, in the one form that every server of ours answers.
BindingConfig OneRequest(Duration patience) {
  BindingConfig config = BindingConfig::ForDerpServer();
  config.schedule = {.request_count = 1, .final_wait = patience};
  return config;
}

void Earliest(std::optional<Instant>& out, std::optional<Instant> other) {
  if (other && (!out || *other < *out)) {
    out = other;
  }
}

}  // namespace

Survey::Survey(const std::vector<Endpoint>& servers, Rng& rng,
               SurveyConfig config)
    : rng_(rng), config_(config) {
  for (const Endpoint& server : servers) {
    if (servers_.size() < kMaxServers &&
        std::ranges::find(servers_, server, &SurveyedServer::server) ==
            servers_.end()) {
      servers_.push_back({.server = server});
    }
  }
}

void Survey::Start(Instant now) {
  is_started_ = true;
  questions_.clear();
  questions_.reserve(servers_.size() * config_.rounds);
  rounds_begun_ = 0;
  if (!servers_.empty() && config_.rounds != 0) {
    next_round_ = now;
    HandleTimeout(now);
  }
}

void Survey::AskAll(Instant now) {
  for (size_t i = 0; i < servers_.size(); ++i) {
    Question& question = questions_.emplace_back(
        i, now,
        BindingClient(servers_[i].server, rng_, OneRequest(config_.patience)));
    question.client.Start(now);
    ++servers_[i].asked;
  }
  ++rounds_begun_;
  // After a pause of the machine the rounds keep their distance.
  next_round_ = rounds_begun_ < config_.rounds
                    ? std::optional(now + config_.interval)
                    : std::nullopt;
}

bool Survey::HandleDatagram(Instant now, const Endpoint& from,
                            ByteView datagram) {
  for (Question& question : questions_) {
    if (question.client.HandleDatagram(now, from, datagram)) {
      Settle();
      return true;
    }
  }
  return false;
}

void Survey::HandleTimeout(Instant now) {
  if (next_round_ && now >= *next_round_) {
    AskAll(now);
  }
  for (Question& question : questions_) {
    question.client.HandleTimeout(now);
    // A server that is busy is not asked again.
    if (question.client.is_running() &&
        now >= question.sent + config_.patience) {
      question.client.Cancel();
    }
  }
  Settle();
}

void Survey::Settle() {
  for (Question& question : questions_) {
    const auto event = question.client.PollEvent();
    if (!event || !event->reflexive_address) {
      continue;
    }
    SurveyedServer& server = servers_[question.server];
    ++server.answered;
    server.mapped = event->reflexive_address;
    if (event->rtt) {
      server.round_trip =
          std::min(server.round_trip.value_or(*event->rtt), *event->rtt);
    }
  }
}

std::optional<Transmit> Survey::PollTransmit() {
  for (Question& question : questions_) {
    if (auto transmit = question.client.PollTransmit()) {
      return transmit;
    }
  }
  return std::nullopt;
}

std::optional<Instant> Survey::NextTimeout() const {
  std::optional<Instant> next = next_round_;
  for (const Question& question : questions_) {
    if (question.client.is_running()) {
      Earliest(next, question.client.NextTimeout());
      Earliest(next, question.sent + config_.patience);
    }
  }
  return next;
}

bool Survey::is_finished() const {
  return is_started_ && !next_round_ &&
         std::ranges::none_of(questions_, [](const Question& question) {
           return question.client.is_running();
         });
}

}  // namespace natkit::stun
