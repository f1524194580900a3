#include "natkit/nat/ice_mux.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ice/check_message.h"

namespace natkit::ice {
namespace {

stun::IntegrityKey Key() {
  return std::move(*stun::IntegrityKey::ShortTerm("peerpasswordpeerpassword"));
}

stun::TransactionId Id(uint8_t number) {
  return {.bytes = {number}};
}

std::vector<uint8_t> Request(const std::string& receiver, uint8_t id = 1) {
  return BuildCheck(
      {.id = Id(id), .username = receiver + ":peer", .priority = 1}, Key());
}

std::vector<uint8_t> Response(uint8_t id) {
  return BuildCheckSuccess(Id(id), {.address = {}, .port = 1}, Key(),
                           Integrity::kSha1);
}

TEST(Mux, RoutesRequestsByTheUfragTheyName) {
  Mux mux;
  mux.SetUfrag(1, "aaaa");
  mux.SetUfrag(2, "bbbb");
  EXPECT_EQ(mux.Route(Request("aaaa")), 1U);
  EXPECT_EQ(mux.Route(Request("bbbb")), 2U);
  EXPECT_EQ(mux.Route(Request("aaa")), std::nullopt);
  EXPECT_EQ(mux.Route(Request("")), std::nullopt);
}

TEST(Mux, KeepsTheUfragBeforeARestartAndNoOlderOne) {
  Mux mux;
  mux.SetUfrag(1, "one1");
  mux.SetUfrag(1, "two2");
  mux.SetUfrag(1, "two2");
  EXPECT_EQ(mux.Route(Request("one1")), 1U);
  mux.SetUfrag(1, "thre");
  EXPECT_EQ(mux.Route(Request("one1")), std::nullopt);
  EXPECT_EQ(mux.Route(Request("two2")), 1U);
  EXPECT_EQ(mux.Route(Request("thre")), 1U);
}

TEST(Mux, RoutesResponsesByTransaction) {
  Mux mux;
  mux.SetUfrag(1, "aaaa");
  mux.SetUfrag(2, "bbbb");
  mux.NoteSent(1, Request("peer", 7));
  mux.NoteSent(2, Request("peer", 8));
  mux.NoteSent(2, Request("peer", 8));
  mux.NoteSent(2, Response(9));
  EXPECT_EQ(mux.Route(Response(7)), 1U);
  EXPECT_EQ(mux.Route(Response(8)), 2U);
  EXPECT_EQ(mux.Route(Response(9)), std::nullopt);
}

TEST(Mux, ForgetsTheOldestTransactions) {
  Mux mux(2);
  mux.SetUfrag(1, "aaaa");
  for (uint8_t id = 1; id <= 3; ++id) {
    mux.NoteSent(1, Request("peer", id));
  }
  EXPECT_EQ(mux.Route(Response(1)), std::nullopt);
  EXPECT_EQ(mux.Route(Response(2)), 1U);
  EXPECT_EQ(mux.Route(Response(3)), 1U);
}

TEST(Mux, ForgetsARemovedAgent) {
  Mux mux;
  mux.SetUfrag(1, "aaaa");
  mux.SetUfrag(2, "bbbb");
  mux.NoteSent(1, Request("peer", 7));
  mux.NoteSent(2, Request("peer", 8));
  mux.Remove(1);
  mux.Remove(1);
  mux.NoteSent(1, Request("peer", 9));
  EXPECT_EQ(mux.Route(Request("aaaa")), std::nullopt);
  EXPECT_EQ(mux.Route(Response(7)), std::nullopt);
  EXPECT_EQ(mux.Route(Response(8)), 2U);
  EXPECT_EQ(mux.Route(Response(9)), std::nullopt);
}

TEST(Mux, ANameThatIsUsedAgainIsAnotherAgent) {
  Mux mux;
  mux.SetUfrag(1, "aaaa");
  mux.NoteSent(1, Request("peer", 7));
  mux.Remove(1);
  mux.SetUfrag(1, "cccc");
  mux.NoteSent(1, Request("peer", 8));
  EXPECT_EQ(mux.Route(Response(7)), std::nullopt);
  EXPECT_EQ(mux.Route(Response(8)), 1U);
}

TEST(Mux, AUfragThatWasTakenOverStaysWithItsNewAgent) {
  Mux mux;
  mux.SetUfrag(1, "aaaa");
  mux.SetUfrag(2, "aaaa");
  EXPECT_EQ(mux.Route(Request("aaaa")), 2U);
  mux.SetUfrag(1, "bbbb");
  mux.SetUfrag(1, "cccc");
  EXPECT_EQ(mux.Route(Request("aaaa")), 2U);
  mux.SetUfrag(3, "cccc");
  mux.Remove(1);
  EXPECT_EQ(mux.Route(Request("cccc")), 3U);
}

TEST(Mux, RemembersMoreForMoreAgents) {
  Mux mux(/*max_transactions=*/1, /*per_agent=*/2);
  mux.SetUfrag(1, "aaaa");
  mux.SetUfrag(2, "bbbb");
  for (uint8_t id = 1; id <= 6; ++id) {
    mux.NoteSent(1, Request("peer", id));
  }
  EXPECT_EQ(mux.Route(Response(1)), std::nullopt);
  EXPECT_EQ(mux.Route(Response(2)), 1U);
  mux.Remove(2);
  mux.NoteSent(1, Request("peer", 7));
  EXPECT_EQ(mux.Route(Response(4)), std::nullopt);
  EXPECT_EQ(mux.Route(Response(5)), 1U);
}

TEST(Mux, LeavesOtherDatagramsAlone) {
  const Mux mux;
  EXPECT_EQ(mux.Route({}), std::nullopt);
  EXPECT_EQ(mux.Route(std::vector<uint8_t>(32, 4)), std::nullopt);
}

}  // namespace
}  // namespace natkit::ice
