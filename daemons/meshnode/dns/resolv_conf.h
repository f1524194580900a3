#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::meshnode {

/// What resolv.conf(5) says.
struct ResolvConf {
  std::vector<std::string> nameservers;  ///< as they are written
  std::vector<std::string> search;       ///< of the last search or domain line
  std::vector<std::string> options;      ///< whole options and sortlist lines

  bool operator==(const ResolvConf&) const = default;
};

/// Takes any text; what is not understood is skipped, as the C library does.
[[nodiscard]] ResolvConf ParseResolvConf(std::string_view text);

/// Its name servers with port 53, without doubles and without `own`. Those
/// with a zone (fe80::1%eth0) are left out.
[[nodiscard]] std::vector<Endpoint> ResolversOf(
    const ResolvConf& conf, const std::vector<IpAddress>& own);

/// The lines that a mesh interface brings into resolv.conf.
struct ResolvLines {
  std::string interface;
  std::vector<IpAddress> servers;  ///< the first two are used
  std::vector<std::string> search;
};

/// A resolv.conf that asks `lines.servers` alone, tries `lines.search` before
/// the search domains of `original`, and keeps its options. It begins with a
/// line that IsOurs() knows.
[[nodiscard]] std::string RenderResolvConf(const ResolvLines& lines,
                                           const ResolvConf& original,
                                           std::string_view backup);

/// Whether the text was made by RenderResolvConf(), perhaps edited later.
[[nodiscard]] bool IsOurs(std::string_view text);

/// What somebody has made of a file of ours, without what is ours: the comment
/// and the name servers of `servers`. If none is left, those of `original` come
/// back.
[[nodiscard]] std::string WithoutOurs(std::string_view text,
                                      const std::vector<IpAddress>& servers,
                                      const ResolvConf& original);

}  // namespace natkit::meshnode
