#include "dns/resolv_conf.h"

#include <algorithm>
#include <optional>

namespace natkit::meshnode {
namespace {

constexpr std::string_view kMarker = "# Made by natkit for mesh interface ";
constexpr std::string_view kMarkerEnd = "# End of natkit's comment.";
constexpr std::string_view kBlanks = " \t\r\f\v";
constexpr uint16_t kDnsPort = 53;
/// The C library reads three; one is left for another.
constexpr size_t kMaxServers = 2;

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
      return words;
    }
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(kBlanks), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool IsServerLine(std::string_view line,
                  const std::vector<IpAddress>& servers) {
  const auto words = Words(line);
  if (words.size() < 2 || words[0] != "nameserver") {
    return false;
  }
  const auto address = IpAddress::Parse(words[1]);
  return address && std::ranges::find(servers, *address) != servers.end();
}

}  // namespace

ResolvConf ParseResolvConf(std::string_view text) {
  ResolvConf conf;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    const auto words = Words(line);
    if (words.size() < 2 || words[0][0] == '#' || words[0][0] == ';') {
      continue;
    }
    if (words[0] == "nameserver") {
      conf.nameservers.push_back(words[1]);
    } else if (words[0] == "search") {
      conf.search.assign(words.begin() + 1, words.end());
    } else if (words[0] == "domain") {
      conf.search = {words[1]};
    } else if (words[0] == "options" || words[0] == "sortlist") {
      std::string kept = words[0];
      for (size_t i = 1; i < words.size(); ++i) {
        kept += " " + words[i];
      }
      conf.options.push_back(std::move(kept));
    }
  }
  return conf;
}

std::vector<Endpoint> ResolversOf(const ResolvConf& conf,
                                  const std::vector<IpAddress>& own) {
  std::vector<Endpoint> resolvers;
  for (const std::string& text : conf.nameservers) {
    const auto address = IpAddress::Parse(text);
    if (!address || std::ranges::find(own, *address) != own.end()) {
      continue;
    }
    const Endpoint resolver{*address, kDnsPort};
    if (std::ranges::find(resolvers, resolver) == resolvers.end()) {
      resolvers.push_back(resolver);
    }
  }
  return resolvers;
}

std::string RenderResolvConf(const ResolvLines& lines,
                             const ResolvConf& original,
                             std::string_view backup) {
  std::string text(kMarker);
  text += lines.interface + ".\n# The file that was here is ";
  text += backup;
  text += "; it comes back when the mesh is left.\n";
  text += kMarkerEnd;
  text += '\n';
  for (size_t i = 0; i < std::min(lines.servers.size(), kMaxServers); ++i) {
    text += "nameserver " + lines.servers[i].ToString() + "\n";
  }
  std::vector<std::string> search = lines.search;
  for (const std::string& domain : original.search) {
    if (std::ranges::find(search, domain) == search.end()) {
      search.push_back(domain);
    }
  }
  if (!search.empty()) {
    text += "search";
    for (const std::string& domain : search) {
      text += " " + domain;
    }
    text += '\n';
  }
  for (const std::string& line : original.options) {
    text += line + "\n";
  }
  return text;
}

bool IsOurs(std::string_view text) {
  return text.starts_with(kMarker) ||
         text.find("\n" + std::string(kMarker)) != std::string_view::npos;
}

std::string WithoutOurs(std::string_view text,
                        const std::vector<IpAddress>& servers,
                        const ResolvConf& original) {
  std::string out;
  int comment_lines = 0;  // of ours, that are still to come at most
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.starts_with(kMarker)) {
      comment_lines = 2;
      continue;
    }
    if (comment_lines > 0 && line.starts_with('#')) {
      comment_lines = line == kMarkerEnd ? 0 : comment_lines - 1;
      continue;
    }
    comment_lines = 0;
    if (!IsServerLine(line, servers)) {
      out += line;
      out += '\n';
    }
  }
  if (ParseResolvConf(out).nameservers.empty()) {
    for (const std::string& server : original.nameservers) {
      out += "nameserver " + server + "\n";
    }
  }
  return out;
}

}  // namespace natkit::meshnode
