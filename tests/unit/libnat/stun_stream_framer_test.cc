#include "natkit/nat/stun_stream_framer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes MessageWith(std::string_view software) {
  return testing::Request(
             [&](MessageBuilder& out) { out.Add<attr::Software>(software); })
      .bytes();
}

TEST(StreamFramer, CutsWhatComesInAnyPieces) {
  const Bytes first = MessageWith("one");
  const Bytes second = MessageWith("number two");
  Bytes stream = first;
  stream.insert(stream.end(), second.begin(), second.end());
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    StreamFramer framer;
    std::vector<Bytes> got;
    for (size_t at = 0; at < stream.size(); at += piece) {
      framer.Push(
          ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (auto next = framer.Next(); next && !next->empty();
           next = framer.Next()) {
        got.emplace_back(next->begin(), next->end());
      }
    }
    EXPECT_EQ(got, (std::vector<Bytes>{first, second})) << piece;
    EXPECT_EQ(framer.buffered(), 0U);
  }
}

TEST(StreamFramer, RefusesWhatIsNotStun) {
  StreamFramer framer;
  framer.Push(AsBytes("GET / HTTP/1.1\r\n"));
  EXPECT_EQ(framer.Next().error().code, Errc::kNotStun);
  EXPECT_EQ(framer.Next().error().code, Errc::kNotStun);
}

TEST(StreamFramer, KeepsNothingOfAStreamThatItCannotRead) {
  StreamFramer framer;
  framer.Push(AsBytes("GET / HTTP/1.1\r\n"));
  EXPECT_FALSE(framer.Next());
  for (int i = 0; i < 100; ++i) {
    framer.Push(Bytes(1000, 'x'));
    EXPECT_EQ(framer.Next().error().code, Errc::kNotStun);
    EXPECT_EQ(framer.buffered(), 0U);
  }
  framer.Push(MessageWith("x"));
  EXPECT_EQ(framer.Next().error().code, Errc::kNotStun);
}

TEST(StreamFramer, RefusesLongMessagesAtTheirHeader) {
  StreamFramer framer(64);
  framer.Push(ByteView(MessageWith(std::string(100, 'x'))).first(8));
  EXPECT_EQ(framer.Next().error().code, Errc::kLimitExceeded);
}

TEST(StreamFramer, RefusesOddLengths) {
  Bytes message = MessageWith("x");
  message[3] = 3;
  StreamFramer framer;
  framer.Push(message);
  EXPECT_EQ(framer.Next().error().code, Errc::kBadLength);
}

}  // namespace
}  // namespace natkit::stun
