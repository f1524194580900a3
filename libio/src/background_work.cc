#include "natkit/io/background_work.h"

#include <uv.h>

#include <deque>
#include <utility>

#include "event_loop_impl.h"
#include "natkit/base/check.h"

namespace natkit::io {

struct BackgroundWork::Impl {
  struct Task {
    std::function<void()> work;
    std::function<void()> on_done;
  };

  explicit Impl(EventLoop& owner) : loop(owner) {}

  EventLoop& loop;
  std::deque<Task> waiting;
  bool is_running = false;
};

namespace {

/// uv owns it from its start until OnDone.
struct Running {
  uv_work_t request{};
  std::weak_ptr<BackgroundWork::Impl> owner;
  BackgroundWork::Impl::Task task;

  static void Start(const std::shared_ptr<BackgroundWork::Impl>& owner) {
    auto self = std::make_unique<Running>();
    self->request.data = self.get();
    self->owner = owner;
    self->task = std::move(owner->waiting.front());
    owner->waiting.pop_front();
    owner->is_running = true;
    NATKIT_CHECK(uv_queue_work(&owner->loop.impl().loop,
                               &self.release()->request, OnWork, OnDone) == 0);
  }

  static void OnWork(uv_work_t* request) {
    static_cast<Running*>(request->data)->task.work();
  }

  static void OnDone(uv_work_t* request, int /*status*/) {
    const std::unique_ptr<Running> self(static_cast<Running*>(request->data));
    const auto owner = self->owner.lock();
    if (owner == nullptr) {
      return;
    }
    owner->is_running = false;
    self->task.on_done();
    if (!owner->is_running && !owner->waiting.empty()) {
      Start(owner);
    }
  }
};

}  // namespace

BackgroundWork::BackgroundWork(EventLoop& loop)
    : impl_(std::make_shared<Impl>(loop)) {}

BackgroundWork::~BackgroundWork() = default;

void BackgroundWork::Run(std::function<void()> work,
                         std::function<void()> on_done) {
  impl_->waiting.push_back({std::move(work), std::move(on_done)});
  if (!impl_->is_running) {
    Running::Start(impl_);
  }
}

}  // namespace natkit::io
