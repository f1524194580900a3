#include "routes/sysctl.h"

#include <gtest/gtest.h>

#include <string>

#include "temporary_folder.h"

namespace natkit::meshnode {
namespace {

constexpr const char* kV4 = "net/ipv4/ip_forward";
constexpr const char* kV6 = "net/ipv6/conf/all/forwarding";
constexpr routing::Forwarding kBoth{.ipv4 = true, .ipv6 = true};

class SysctlTest : public testing::Test {
 protected:
  SysctlTest() {
    folder_.Write(kV4, "0\n");
    folder_.Write(kV6, "0\n");
    folder_.Write("net/ipv6/conf/eth0/accept_ra", "1\n");
    folder_.Write("net/ipv6/conf/eth1/accept_ra", "0\n");
  }

  [[nodiscard]] std::string root() const { return folder_.path(); }

  TemporaryFolder folder_;
};

TEST_F(SysctlTest, ReadsWithoutTheLinesEnd) {
  EXPECT_EQ("0", ReadSysctl(root(), kV4));
  EXPECT_EQ(std::nullopt, ReadSysctl(root(), "net/ipv4/no_such"));
}

TEST_F(SysctlTest, WritesWhatThereIs) {
  ASSERT_TRUE(WriteSysctl(root(), kV4, "1"));
  EXPECT_EQ("1", ReadSysctl(root(), kV4));
  const auto refused = WriteSysctl(root(), "net/ipv4/no_such", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ("cannot set net.ipv4.no_such to 1: No such file or directory",
            refused.error());
}

TEST_F(SysctlTest, AdvertisementsAreKeptBeforeForwardingIsOn) {
  const auto changes = ForwardingChanges(root(), kBoth);
  const std::vector<Sysctls::value_type> wanted = {
      {kV4, "1"}, {"net/ipv6/conf/eth0/accept_ra", "2"}, {kV6, "1"}};
  EXPECT_EQ(wanted, changes);
}

TEST_F(SysctlTest, OnlyTheFamiliesInUseChange) {
  EXPECT_EQ(1U, ForwardingChanges(root(), {.ipv4 = true}).size());
  EXPECT_TRUE(ForwardingChanges(root(), {}).empty());
  folder_.Write(kV4, "1\n");
  EXPECT_TRUE(ForwardingChanges(root(), {.ipv4 = true}).empty());
}

TEST_F(SysctlTest, NamesWhatIsOff) {
  EXPECT_EQ(
      "IP forwarding is off, so the advertised routes lead nowhere: set "
      "net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1 (sysctl -w), "
      "or start with --enable-forwarding",
      ForwardingTrouble(root(), kBoth));
  folder_.Write(kV4, "1\n");
  EXPECT_EQ(std::nullopt, ForwardingTrouble(root(), {.ipv4 = true}));
}

TEST(Sysctl, ASystemWithoutAFamilyHasNothingToSet) {
  const TemporaryFolder folder;
  EXPECT_EQ(std::nullopt, ForwardingTrouble(folder.path(), kBoth));
}

}  // namespace
}  // namespace natkit::meshnode
