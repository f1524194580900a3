#include <algorithm>
#include <utility>

#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

/// Whoever comes with nothing waits, and has no owner yet.
class Approval final : public Authenticator {
 public:
  [[nodiscard]] std::optional<Decision<Admittance>> Authenticate(
      WallTime, const JoinRequest&) const override {
    return Admittance{};
  }

  void NoteUse(WallTime, const Admittance&, const NodeRecord&) override {}
};

}  // namespace

/// Those that were added are asked first: an auth key may be any text.
void Registry::Impl::AddAuthenticator(std::shared_ptr<Authenticator> added) {
  authenticators_.insert(authenticators_.end() - 2, std::move(added));
}

void Registry::Impl::MakeAuthenticators() {
  authenticators_.push_back(std::make_shared<AuthKeys>(*this));
  authenticators_.push_back(std::make_shared<Approval>());
}

Decision<Registry::Impl::Admitted> Registry::Impl::Admit(
    WallTime now, const JoinRequest& request) const {
  auto by = authenticators_.begin();
  auto answer = (*by)->Authenticate(now, request);
  while (!answer) {  // the last one, Approval, answers everybody
    answer = (*++by)->Authenticate(now, request);
  }
  if (!*answer) {
    return std::unexpected(answer->error());
  }
  Admittance admittance = **std::move(answer);
  if (admittance != Admittance{}) {
    auto owner = OwnerFor(std::move(admittance.owner), request);
    if (!owner) {
      return std::unexpected(owner.error());
    }
    admittance.owner = *std::move(owner);
  }
  return Admitted{.by = *by, .what = std::move(admittance)};
}

Decision<Owner> Registry::Impl::OwnerFor(Owner owner,
                                         const JoinRequest& request) const {
  for (const std::string& tag : request.tags) {
    const bool is_own = std::ranges::find(owner.tags, tag) != owner.tags.end();
    if (!is_own && (!hooks || !hooks->MayAssignTag(owner, tag))) {
      return Refuse(RefusalKind::kForbidden,
                    "the auth key may not make nodes with " + tag +
                        " (tagOwners of the policy)");
    }
  }
  if (!request.tags.empty()) {
    owner = {.user = "", .tags = request.tags};
  }
  NormalizeTags(owner);
  if (auto checked = CheckOwner(owner); !checked) {
    return std::unexpected(checked.error());
  }
  return owner;
}

}  // namespace natkit::mesh
