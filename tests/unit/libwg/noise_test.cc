// BLAKE2s, HMAC, KDF and the whole handshake against vectors that
// tests/vectors/wireguard_handshake.py computes without libwg.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <string>

#include "natkit/base/encoding.h"
#include "noise/aead.h"
#include "noise/blake2s.h"
#include "noise/cookie.h"
#include "noise/handshake.h"
#include "noise/kdf.h"
#include "noise/tai64n.h"
#include "noise/x25519.h"
#include "transport/keypair.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;

using Bytes = std::vector<uint8_t>;

const std::map<std::string, Bytes>& Vectors() {
  static const auto vectors = [] {
    std::map<std::string, Bytes> rows;
    std::ifstream file(NATKIT_SOURCE_DIR
                       "/tests/vectors/wireguard_handshake.txt");
    for (std::string line; std::getline(file, line);) {
      const size_t equals = line.find('=');
      if (!line.starts_with('#') && equals != std::string::npos) {
        rows[line.substr(0, equals)] = FromHex(line.substr(equals + 1)).value();
      }
    }
    return rows;
  }();
  return vectors;
}

const Bytes& Vector(const std::string& name) {
  return Vectors().at(name);
}

template <class Out>
Out SecretOf(const std::string& name) {
  return Out(std::span<const uint8_t, 32>(Vector(name).data(), 32));
}

PublicKey PublicOf(const std::string& name) {
  PublicKey key;
  std::ranges::copy(Vector(name), key.bytes.begin());
  return key;
}

uint32_t NumberOf(const std::string& name) {
  uint32_t value = 0;
  (void)ByteReader(Vector(name)).ReadU32(value);
  return value;
}

template <size_t N>
Bytes ToBytes(std::span<const uint8_t, N> view) {
  return {view.begin(), view.end()};
}

/// Gives out the bytes of one vector.
class VectorRng final : public Rng {
 public:
  explicit VectorRng(const std::string& name) : bytes_(Vector(name)) {}

  void Fill(MutableBytes out) override {
    std::copy_n(bytes_.begin(), out.size(), out.begin());
  }

 private:
  Bytes bytes_;
};

struct Ends {
  StaticPrivateKey private_i = SecretOf<StaticPrivateKey>("static_i");
  StaticPrivateKey private_r = SecretOf<StaticPrivateKey>("static_r");
  PublicKey public_i = PublicOf("static_i_pub");
  PublicKey public_r = PublicOf("static_r_pub");
  SharedSecret shared = DiffieHellman(private_i, public_r).value();
  PresharedKey psk = SecretOf<PresharedKey>("psk");
};

TEST(Blake2s, HashesAbcAsRfc7693AppendixB) {
  std::array<uint8_t, 32> digest{};
  Hash(AsBytes("a"), AsBytes("bc"), digest);
  EXPECT_EQ(ToHex(digest),
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

TEST(Blake2s, KeyedMacHmacAndKdfMatchPythonHashlib) {
  const Mac mac = KeyedMac(Vector("kdf_key"), Vector("kdf_input"));
  EXPECT_EQ(Bytes(mac.begin(), mac.end()), Vector("mac"));

  std::array<uint8_t, 32> digest{};
  Hmac(Vector("hmac_key"), Vector("hmac_input"), {}, digest);
  EXPECT_EQ(Bytes(digest.begin(), digest.end()), Vector("hmac"));

  const auto key = SecretOf<ChainingKey>("kdf_key");
  SymmetricKey t1;
  SymmetricKey t2;
  SymmetricKey t3;
  Kdf(key, Vector("kdf_input"), t1, t2, t3);
  Bytes all = ToBytes(t1.Expose());
  std::ranges::copy(t2.Expose(), std::back_inserter(all));
  std::ranges::copy(t3.Expose(), std::back_inserter(all));
  EXPECT_EQ(all, Vector("kdf_out"));
}

TEST(Kdf, MayWriteOverItsOwnKey) {
  auto key = SecretOf<ChainingKey>("kdf_key");
  SymmetricKey second;
  Kdf(key, Vector("kdf_input"), key, second);
  const Bytes& expected = Vector("kdf_out");
  EXPECT_EQ(ToBytes(key.Expose()),
            Bytes(expected.begin(), expected.begin() + 32));
  EXPECT_EQ(ToBytes(second.Expose()),
            Bytes(expected.begin() + 32, expected.begin() + 64));
}

TEST(DiffieHellman, RejectsTheAllZeroResultOfLowOrderKeys) {
  const auto ours = SecretOf<StaticPrivateKey>("static_i");
  PublicKey low;
  EXPECT_EQ(DiffieHellman(ours, low).error().code, Errc::kBadValue);
  low.bytes[0] = 1;
  EXPECT_EQ(DiffieHellman(ours, low).error().code, Errc::kBadValue);
}

TEST(Handshake, ProducesTheVectorsByteForByte) {
  const Ends ends;
  Timestamp timestamp{};
  std::ranges::copy(Vector("timestamp"), timestamp.begin());
  HandshakeInitiation initiation;
  VectorRng rng_i("ephemeral_i");
  const auto initiator = InitiatorHandshake::Start(
      {ends.private_i, ends.public_i}, {ends.public_r, ends.shared},
      SenderIndex{NumberOf("index_i")}, timestamp, rng_i, initiation);
  ASSERT_TRUE(initiator);
  std::array<uint8_t, kInitiationSize> wire_i{};
  WriteInitiation(initiation, wire_i);
  MacWriter(ends.public_r).Write(Instant{}, wire_i);
  EXPECT_EQ(Bytes(wire_i.begin(), wire_i.end()), Vector("initiation"));

  auto responder =
      ResponderHandshake::Open({ends.private_r, ends.public_r}, initiation);
  ASSERT_TRUE(responder);
  EXPECT_EQ(responder->remote_static(), ends.public_i);
  EXPECT_EQ(responder->ReadTimestamp(ends.shared, initiation), timestamp);
  HandshakeResponse response;
  VectorRng rng_r("ephemeral_r");
  const auto keys_r = responder->Respond(
      ends.psk, SenderIndex{NumberOf("index_r")}, rng_r, response);
  ASSERT_TRUE(keys_r);
  std::array<uint8_t, kResponseSize> wire_r{};
  WriteResponse(response, wire_r);
  MacWriter(ends.public_i).Write(Instant{}, wire_r);
  EXPECT_EQ(Bytes(wire_r.begin(), wire_r.end()), Vector("response"));

  const auto keys_i = initiator->HandleResponse({ends.private_i, ends.public_i},
                                                ends.psk, response);
  ASSERT_TRUE(keys_i);
  EXPECT_EQ(ToBytes(keys_i->send.Expose()), Vector("send_i"));
  EXPECT_EQ(ToBytes(keys_i->receive.Expose()), Vector("send_r"));
  EXPECT_EQ(ToBytes(keys_r->send.Expose()), Vector("send_r"));
  EXPECT_EQ(ToBytes(keys_r->receive.Expose()), Vector("send_i"));
}

TEST(Handshake, AForgedResponseDoesNotKeepTheRealOneOut) {
  const Ends ends;
  HandshakeInitiation initiation;
  SeededRng rng(1);
  const auto initiator = InitiatorHandshake::Start(
      {ends.private_i, ends.public_i}, {ends.public_r, ends.shared},
      SenderIndex{1}, {}, rng, initiation);
  auto responder =
      ResponderHandshake::Open({ends.private_r, ends.public_r}, initiation);
  ASSERT_TRUE(responder->ReadTimestamp(ends.shared, initiation));
  HandshakeResponse real;
  ASSERT_TRUE(responder->Respond(ends.psk, SenderIndex{2}, rng, real));
  HandshakeResponse forged = real;
  forged.encrypted_nothing[3] ^= 1;
  const LocalIdentity local{ends.private_i, ends.public_i};
  EXPECT_EQ(initiator->HandleResponse(local, ends.psk, forged).error().code,
            Errc::kAuthFailed);
  forged = real;
  forged.ephemeral = PublicKey{};
  EXPECT_EQ(initiator->HandleResponse(local, ends.psk, forged).error().code,
            Errc::kBadValue);
  EXPECT_TRUE(initiator->HandleResponse(local, ends.psk, real));
}

TEST(Keypair, SealsTheVectorsDataMessage) {
  TransportKeys keys{SecretOf<SymmetricKey>("send_i"),
                     SecretOf<SymmetricKey>("send_r")};
  Keypair keypair({.remote_index = ReceiverIndex{NumberOf("index_r")}}, keys);
  keypair.set_send_counter_for_testing(7);
  Bytes wire(Keypair::SealedSize(Vector("content").size()));
  keypair.Seal(Vector("content"), wire);
  EXPECT_EQ(wire, Vector("data_7"));
}

TEST(TimestampSource, IsTai64nCutTo16MillisecondsAndAlwaysGrows) {
  TimestampSource source(std::chrono::seconds(0x6543210A));
  const Timestamp first = source.Next(Instant{} + 0x12345678ns);
  EXPECT_EQ(ToHex(first), "400000006543211412000000");
  const Timestamp second = source.Next(Instant{} + 0x12345679ns);
  EXPECT_EQ(ToHex(second), "400000006543211413000000");
  const Timestamp earlier = source.Next(Instant{});
  EXPECT_EQ(ToHex(earlier), "400000006543211414000000");
  const Timestamp last_of_second = source.Next(Instant{} + 999'999'999ns);
  EXPECT_EQ(ToHex(last_of_second), "40000000654321143b000000");
  EXPECT_EQ(ToHex(source.Next(Instant{} + 999'999'999ns)),
            "400000006543211500000000");
}

}  // namespace
}  // namespace natkit::wg
