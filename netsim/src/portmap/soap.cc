#include "portmap/soap.h"

#include <algorithm>
#include <array>

#include "natkit/base/text.h"

namespace natkit::netsim::portmap {
namespace {

constexpr size_t kMaxElements = 64;
constexpr size_t kArgumentDepth = 4;  // Envelope, Body, action, argument

constexpr std::string_view kHead =
    "<?xml version=\"1.0\"?>\r\n"
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
    "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>";
constexpr std::string_view kTail = "</s:Body></s:Envelope>\r\n";

struct Entity {
  std::string_view name;
  char character;
};

constexpr std::array<Entity, 5> kEntities = {{{"&amp;", '&'},
                                              {"&lt;", '<'},
                                              {"&gt;", '>'},
                                              {"&quot;", '"'},
                                              {"&apos;", '\''}}};

/// nullopt for an entity that is not one of the five.
std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '&') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    bool is_known = false;
    for (const Entity& entity : kEntities) {
      if (text.starts_with(entity.name)) {
        out += entity.character;
        text.remove_prefix(entity.name.size());
        is_known = true;
        break;
      }
    }
    if (!is_known) {
      return std::nullopt;
    }
  }
  return out;
}

/// The name in "prefix:Name attributes".
std::string_view LocalName(std::string_view tag) {
  const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n/"));
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// What UPnP uses of XML's names.
bool IsName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Walks the tags and keeps the names of the elements that are open.
class SoapReader {
 public:
  explicit SoapReader(std::string_view xml) : rest_(xml) {}

  std::optional<SoapCall> Read() {
    while (true) {
      const size_t open = rest_.find('<');
      if (open == std::string_view::npos) {
        break;
      }
      const std::string_view text = rest_.substr(0, open);
      rest_.remove_prefix(open + 1);
      if (!ReadTag(text)) {
        return std::nullopt;
      }
    }
    if (!is_ended_ || !open_.empty() || call_.action.empty()) {
      return std::nullopt;
    }
    return std::move(call_);
  }

 private:
  /// `before` is the text between the last tag and this one.
  bool ReadTag(std::string_view before) {
    if (rest_.starts_with("!--")) {
      return SkipPast("-->");
    }
    if (rest_.starts_with('!')) {
      return false;  // DOCTYPE, CDATA: no client of ours sends them
    }
    if (rest_.starts_with('?')) {
      return SkipPast("?>");
    }
    const size_t end = rest_.find('>');
    if (end == std::string_view::npos || is_ended_) {
      return false;
    }
    const std::string_view tag = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      return Close(LocalName(tag.substr(1)), before);
    }
    return Open(LocalName(tag)) &&
           (!tag.ends_with('/') || Close(LocalName(tag), {}));
  }

  bool SkipPast(std::string_view end) {
    const size_t at = rest_.find(end);
    if (at == std::string_view::npos) {
      return false;
    }
    rest_.remove_prefix(at + end.size());
    return true;
  }

  bool Open(std::string_view name) {
    if (!IsName(name)) {
      return false;
    }
    open_.push_back(name);
    is_leaf_ = true;
    switch (open_.size()) {
      case 1:
        return name == "Envelope";
      case 3:
        if (open_[1] == "Body" && call_.action.empty()) {
          call_.action = name;
          return true;
        }
        return open_[1] == "Header";
      default:
        return ++elements_ <= kMaxElements &&
               open_.size() <= kArgumentDepth + 1;
    }
  }

  bool Close(std::string_view name, std::string_view text) {
    if (open_.empty() || open_.back() != name) {
      return false;
    }
    if (open_.size() == kArgumentDepth && open_[1] == "Body" && is_leaf_) {
      auto value = Unescape(text);
      if (!value) {
        return false;
      }
      call_.arguments.emplace(name, *std::move(value));
    }
    open_.pop_back();
    is_leaf_ = false;
    is_ended_ = open_.empty();
    return true;
  }

  std::string_view rest_;
  std::vector<std::string_view> open_;
  SoapCall call_;
  size_t elements_ = 0;
  bool is_leaf_ = false;
  bool is_ended_ = false;
};

void AppendElement(std::string& out, std::string_view name,
                   std::string_view value) {
  out += '<';
  out += name;
  out += '>';
  out += EscapeXml(value);
  out += "</";
  out += name;
  out += '>';
}

}  // namespace

const std::string* SoapCall::Find(const std::string& name) const {
  const auto at = arguments.find(name);
  return at == arguments.end() ? nullptr : &at->second;
}

std::optional<SoapCall> ReadSoapCall(std::string_view xml) {
  return SoapReader(xml).Read();
}

std::string MakeSoapResponse(std::string_view service, std::string_view action,
                             const SoapValues& values) {
  std::string name = "u:";
  name += action;
  name += "Response";
  std::string out(kHead);
  out += "<" + name + " xmlns:u=\"";
  out += service;
  out += "\">";
  for (const auto& [key, value] : values) {
    AppendElement(out, key, value);
  }
  out += "</" + name + ">";
  out += kTail;
  return out;
}

std::string MakeSoapFault(int code, std::string_view text) {
  std::string out(kHead);
  out +=
      "<s:Fault><faultcode>s:Client</faultcode>"
      "<faultstring>UPnPError</faultstring><detail>"
      "<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">";
  AppendElement(out, "errorCode", std::to_string(code));
  AppendElement(out, "errorDescription", text);
  out += "</UPnPError></detail></s:Fault>";
  out += kTail;
  return out;
}

}  // namespace natkit::netsim::portmap
