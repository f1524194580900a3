#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace natkit::netsim::portmap {

/// What a SOAP request asks for: the action and its arguments.
struct SoapCall {
  std::string action;
  std::map<std::string, std::string> arguments;

  /// nullptr if it was not given; it may be empty.
  [[nodiscard]] const std::string* Find(const std::string& name) const;
};

/// Reads Envelope / Body / action / arguments, whatever their namespace
/// prefixes. nullopt for other documents, and for what an honest client never
/// sends and a parser dies of: document types, entities of one's own, more
/// than a few dozen elements.
[[nodiscard]] std::optional<SoapCall> ReadSoapCall(std::string_view xml);

using SoapValues = std::vector<std::pair<std::string_view, std::string>>;

/// The body of a 200 response; `service` is the service type.
[[nodiscard]] std::string MakeSoapResponse(std::string_view service,
                                           std::string_view action,
                                           const SoapValues& values);
/// The body of a 500 response (UPnP Device Architecture section 3.2.6).
[[nodiscard]] std::string MakeSoapFault(int code, std::string_view text);

}  // namespace natkit::netsim::portmap
