#include "noise/message.h"

#include "natkit/base/check.h"

namespace natkit::wg {

namespace {

template <class Index>
bool ReadIndex(ByteReader& in, Index& out) {
  uint32_t value = 0;
  if (!in.ReadU32Le(value)) {
    return false;
  }
  out = Index{value};
  return true;
}

template <class Index>
void WriteIndex(ByteWriter& out, Index index) {
  out.WriteU32Le(static_cast<uint32_t>(index));
}

void WriteType(ByteWriter& out, MessageType type) {
  out.WriteU32Le(static_cast<uint32_t>(type));
}

// A reader behind the type field, or why there is none.
Result<ByteReader> ReaderFor(MessageType wanted, ByteView datagram) {
  const Result<MessageType> type = ClassifyMessage(datagram);
  if (!type) {
    return std::unexpected(type.error());
  }
  if (*type != wanted) {
    return Fail(Errc::kBadValue);
  }
  ByteReader in(datagram);
  (void)in.Skip(4);
  return in;
}

Result<void> CheckSize(size_t size, size_t wanted) {
  if (size == wanted) {
    return {};
  }
  return Fail(size < wanted ? Errc::kTruncated : Errc::kBadLength);
}

Result<void> CheckMessageSize(MessageType type, size_t size) {
  switch (type) {
    case MessageType::kHandshakeInitiation:
      return CheckSize(size, kInitiationSize);
    case MessageType::kHandshakeResponse:
      return CheckSize(size, kResponseSize);
    case MessageType::kCookieReply:
      return CheckSize(size, kCookieReplySize);
    case MessageType::kTransportData:
      if (size < kMinDataSize) {
        return Fail(Errc::kTruncated);
      }
      return {};
  }
  return Fail(Errc::kBadValue);
}

}  // namespace

Result<MessageType> ClassifyMessage(ByteView datagram) {
  ByteReader in(datagram);
  uint32_t value = 0;
  if (!in.ReadU32Le(value)) {
    return Fail(Errc::kTruncated);
  }
  const MessageType type{value};
  if (auto checked = CheckMessageSize(type, datagram.size()); !checked) {
    return std::unexpected(checked.error());
  }
  return type;
}

Result<HandshakeInitiation> ParseInitiation(ByteView datagram) {
  Result<ByteReader> in =
      ReaderFor(MessageType::kHandshakeInitiation, datagram);
  if (!in) {
    return std::unexpected(in.error());
  }
  HandshakeInitiation message;
  if (!ReadIndex(*in, message.sender) ||
      !in->ReadInto(message.ephemeral.bytes) ||
      !in->ReadInto(message.encrypted_static) ||
      !in->ReadInto(message.encrypted_timestamp)) {
    return Fail(Errc::kTruncated, in->offset());
  }
  return message;
}

Result<HandshakeResponse> ParseResponse(ByteView datagram) {
  Result<ByteReader> in = ReaderFor(MessageType::kHandshakeResponse, datagram);
  if (!in) {
    return std::unexpected(in.error());
  }
  HandshakeResponse message;
  if (!ReadIndex(*in, message.sender) || !ReadIndex(*in, message.receiver) ||
      !in->ReadInto(message.ephemeral.bytes) ||
      !in->ReadInto(message.encrypted_nothing)) {
    return Fail(Errc::kTruncated, in->offset());
  }
  return message;
}

Result<CookieReply> ParseCookieReply(ByteView datagram) {
  Result<ByteReader> in = ReaderFor(MessageType::kCookieReply, datagram);
  if (!in) {
    return std::unexpected(in.error());
  }
  CookieReply message;
  if (!ReadIndex(*in, message.receiver) || !in->ReadInto(message.nonce) ||
      !in->ReadInto(message.encrypted_cookie)) {
    return Fail(Errc::kTruncated, in->offset());
  }
  return message;
}

Result<TransportData> ParseData(ByteView datagram) {
  Result<ByteReader> in = ReaderFor(MessageType::kTransportData, datagram);
  if (!in) {
    return std::unexpected(in.error());
  }
  TransportData message;
  if (!ReadIndex(*in, message.receiver) || !in->ReadU64Le(message.counter)) {
    return Fail(Errc::kTruncated, in->offset());
  }
  message.content = in->ReadRest();
  return message;
}

void WriteInitiation(const HandshakeInitiation& message,
                     std::span<uint8_t, kInitiationSize> bytes) {
  ByteWriter out(bytes);
  WriteType(out, MessageType::kHandshakeInitiation);
  WriteIndex(out, message.sender);
  out.WriteBytes(message.ephemeral.bytes);
  out.WriteBytes(message.encrypted_static);
  out.WriteBytes(message.encrypted_timestamp);
  out.WriteZeros(kMacsSize);
  NATKIT_CHECK(out.size() == kInitiationSize);
}

void WriteResponse(const HandshakeResponse& message,
                   std::span<uint8_t, kResponseSize> bytes) {
  ByteWriter out(bytes);
  WriteType(out, MessageType::kHandshakeResponse);
  WriteIndex(out, message.sender);
  WriteIndex(out, message.receiver);
  out.WriteBytes(message.ephemeral.bytes);
  out.WriteBytes(message.encrypted_nothing);
  out.WriteZeros(kMacsSize);
  NATKIT_CHECK(out.size() == kResponseSize);
}

void WriteCookieReply(const CookieReply& message,
                      std::span<uint8_t, kCookieReplySize> bytes) {
  ByteWriter out(bytes);
  WriteType(out, MessageType::kCookieReply);
  WriteIndex(out, message.receiver);
  out.WriteBytes(message.nonce);
  out.WriteBytes(message.encrypted_cookie);
  NATKIT_CHECK(out.size() == kCookieReplySize);
}

void WriteDataHeader(ReceiverIndex receiver, uint64_t counter,
                     std::span<uint8_t, kDataHeaderSize> bytes) {
  ByteWriter out(bytes);
  WriteType(out, MessageType::kTransportData);
  WriteIndex(out, receiver);
  out.WriteU64Le(counter);
}

}  // namespace natkit::wg
