#include <string>

#include "lab.h"

namespace natkit::natcheck::conformance {
namespace {

std::string FlagWords(uint8_t flags) {
  std::string words;
  const auto add = [&](uint8_t bit, std::string_view word) {
    if ((flags & bit) != 0) {
      words += words.empty() ? "" : ",";
      words += word;
    }
  };
  add(netsim::kTcpSyn, "SYN");
  add(netsim::kTcpFin, "FIN");
  add(netsim::kTcpRst, "RST");
  add(netsim::kTcpAck, "ACK");
  return words.empty() ? "no flags" : words;
}

std::string Ends(const PacketInfo& info, bool has_ports) {
  const auto one = [&](const Endpoint& end) {
    return has_ports ? end.ToString() : end.address.ToString();
  };
  return one(info.source) + " > " + one(info.destination);
}

std::string DescribeInfo(const PacketInfo& info) {
  switch (static_cast<IpProtocol>(info.protocol)) {
    case IpProtocol::kUdp:
      return "UDP " + Ends(info, info.has_transport);
    case IpProtocol::kTcp:
      return "TCP " + Ends(info, info.has_transport) + " " +
             FlagWords(info.tcp_flags);
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6: {
      std::string text = info.is_v4() ? "ICMP " : "ICMPv6 ";
      text += Ends(info, false) + " type " + std::to_string(info.icmp_type) +
              " code " + std::to_string(info.icmp_code);
      if (info.is_icmp_echo()) {
        text += " id " + std::to_string(info.icmp_id);
      }
      return text;
    }
  }
  return "protocol " + std::to_string(info.protocol) + " " + Ends(info, false);
}

}  // namespace

std::string DescribePacket(ByteView packet) {
  const auto info = netsim::ParsePacket(packet);
  if (!info) {
    return "malformed, " + std::to_string(packet.size()) + " bytes";
  }
  std::string text = DescribeInfo(*info);
  if (info->is_fragment) {
    text += ", fragment at " + std::to_string(info->fragment_offset);
  }
  if (info->is_icmp_error() &&
      size_t{info->transport_offset} + 8 <= packet.size()) {
    const auto quoted = netsim::ParseQuotedPacket(
        packet.subspan(size_t{info->transport_offset} + 8));
    text += quoted ? ", about " + DescribeInfo(*quoted) : ", quoting nothing";
  }
  return text + ", " + std::to_string(info->total_size) + " bytes";
}

}  // namespace natkit::natcheck::conformance
